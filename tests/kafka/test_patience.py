"""Questions put again while a cluster is not ready."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException

from opend_kafka.kafka.patience import asked_again


class _Question:
    """Is refused so often, then answered."""

    def __init__(self, code: int, refusals: int) -> None:
        self._code, self._refusals = code, refusals
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self._refusals:
            raise KafkaException(LibraryError(self._code))
        return "answer"


def test_question_is_put_again_until_it_is_answered() -> None:
    """A partition gets a leader; a topic becomes known."""
    question = _Question(LibraryError.LEADER_NOT_AVAILABLE, 2)
    assert asked_again(question, 20) == "answer"
    assert question.asked == 3


def test_last_refusal_is_raised_when_time_is_up() -> None:
    """Whoever asked says what it means."""
    with pytest.raises(KafkaException, match="LEADER_NOT_AVAILABLE"):
        asked_again(_Question(LibraryError.LEADER_NOT_AVAILABLE, 1000), 0.15)


def test_what_is_forbidden_is_not_asked_again() -> None:
    """Waiting grants no permission."""
    question = _Question(LibraryError.TOPIC_AUTHORIZATION_FAILED, 1)
    with pytest.raises(KafkaException):
        asked_again(question, 20)
    assert question.asked == 1
