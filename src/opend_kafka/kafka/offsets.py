"""Where partitions begin and end, asked in a way that an answer can be relied on.

`Consumer.get_watermark_offsets` puts two questions at once. Where the broker answers only one of
them, librdkafka takes the partition for empty (rd_kafka_query_watermark_offsets), and whoever reads
it up to its end reads nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

#: A topic's name, and a number.
Partition = tuple[str, int]


def offsets_at(
    consumer: Consumer, partitions: Collection[Partition], at: int, timeout_s: float
) -> dict[Partition, int]:
    """Give the offset of each partition's first record that is as young as a time.

    A partition without one is left out.

    Args:
        consumer: asks; it need not be assigned anything.
        partitions: of which to ask.
        at: ms since 1970, or OFFSET_BEGINNING or OFFSET_END.
        timeout_s: how long the brokers have to answer.

    Raises:
        KafkaException: one of them has not been answered.
    """
    if not partitions:
        return {}
    asked = [TopicPartition(*one, at) for one in partitions]
    answers = consumer.offsets_for_times(asked, timeout_s)
    for one in answers:
        if one.error is not None:
            raise KafkaException(one.error)
    return {(one.topic, one.partition): one.offset for one in answers if one.offset >= 0}


def ranges(
    consumer: Consumer, partitions: Collection[Partition], timeout_s: float
) -> dict[Partition, tuple[int, int]]:
    """Give the offset of each partition's first record, and the one after its last.

    Raises:
        KafkaException: one of them has not been answered.
    """
    lows = offsets_at(consumer, partitions, OFFSET_BEGINNING, timeout_s)
    highs = offsets_at(consumer, partitions, OFFSET_END, timeout_s)
    return {one: (lows[one], highs[one]) for one in partitions}
