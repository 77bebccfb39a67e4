"""What a recorder would take of a simulated market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from opend_kafka.opend.frames import HEADER
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.recording import notes
from opend_kafka.recording.blocks import encode_note
from opend_kafka.recording.files import RecordingFile
from opend_kafka.recording.pushes import RecordedPush, encode_pushes
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.subscriptions import Feed, Subscriptions
from tests.simulator.clients import SECURITIES, START_US, a_market


def recorded(*subtypes: int, seconds: float = 1.0, rate: float = 100) -> list[RecordedPush]:
    """Take some subtypes of both securities for a while, the cached data first."""
    market, subscriptions = a_market(rate), Subscriptions(100)
    feeds = [Feed(security, subtype) for security in SECURITIES for subtype in subtypes]
    subscriptions.subscribe(1, feeds)
    subscriptions.start_pushes(1, feeds, [0])
    publisher = Publisher(market, subscriptions)
    until_us = START_US + round(seconds * 1_000_000)
    pushes = [*publisher.first_pushes(1, feeds), *publisher.advance(until_us)]
    return [
        RecordedPush(
            START_US + number * 1_000, 1, push.proto_id, number, 0, push.frame[HEADER.size :]
        )
        for number, push in enumerate(pushes)
    ]


def write(
    path: Path, pushes: Sequence[RecordedPush], *, ended: bool = True, block: int = 50
) -> Path:
    """Write a recording of everything there is; give its path."""
    everything = [Subscription(security, subtype) for security in SECURITIES for subtype in Subtype]
    with RecordingFile(path) as file:
        file.append(encode_note(notes.start(everything), START_US))
        for batch in _batches(pushes, block):
            file.append(encode_pushes(batch))
        if ended:
            file.append(encode_note(notes.end(len(pushes)), START_US))
    return path


def _batches(pushes: Sequence[RecordedPush], size: int) -> Iterable[Sequence[RecordedPush]]:
    return (pushes[start : start + size] for start in range(0, len(pushes), size))
