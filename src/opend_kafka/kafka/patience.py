"""Questions put again while a cluster is not ready to answer them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException

from opend_kafka.kafka.permissions import FORBIDDEN

#: Seconds between two questions.
_ASK_AGAIN_S = 0.1

Answer = TypeVar("Answer")


def asked_again(question: Callable[[], Answer], timeout_s: float) -> Answer:
    """Ask until there is an answer: a topic may be unknown yet, or a partition have no leader.

    Raises:
        KafkaException: the last refusal, after `timeout_s`; at once where it is forbidden.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return question()
        except KafkaException as error:
            cause: LibraryError = error.args[0]
            if cause.code() in FORBIDDEN or time.monotonic() >= deadline:
                raise
            time.sleep(_ASK_AGAIN_S)
