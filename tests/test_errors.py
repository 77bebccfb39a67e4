"""The errors: the tree that is drawn is the tree that is, and the texts are for people."""

from __future__ import annotations

import re

import pytest

from opend_kafka import errors
from opend_kafka.errors import OpendKafkaError

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, OpendKafkaError)
}

#: One of each class that makes its own text.
EXAMPLES = (
    errors.RecordingUnusable("monday.rec", "there are no pushes in this recording"),
    errors.RecordingFailed("monday.rec", "cannot be written on (No space left on device)"),
    errors.OpenDUnreachable("127.0.0.1", 11111, "Connection refused"),
    errors.BadMagic(b"HT"),
    errors.FrameTooLarge(3011, 99_999_999, 16_777_216),
    errors.PacketMalformed("it has 3 bytes"),
    errors.KeyMismatch("a body cannot be decrypted"),
    errors.RequestRefused("Qot_Sub", -1, None, ""),
    errors.RequestRefused("Qot_Sub", -1, 7, "no such security"),
    errors.RequestTimedOut("InitConnect", 12.0),
    errors.OpenDNotReady("the quote server is not logged in"),
    errors.UnknownPush(3999),
    errors.MessageMalformed("Qot_UpdateTicker", "it is cut short"),
    errors.PushFailed("Qot_UpdateTicker", -1, ""),
    errors.PushEmpty("Qot_UpdateTicker"),
    errors.RecordUnmappable("opend.Ticker", "price is missing"),
    errors.NotSubscribed("ticker", "HK.00700"),
    errors.UnknownFields("Qot_UpdateTicker", ("s2c.tickerList.13",)),
    errors.ChecksumWrong(),
    errors.BodyUndecipherable(),
    errors.KafkaUnreachable("localhost:9092", "timed out"),
    errors.KafkaDenied("localhost:9092", "refuses the login (wrong)", "correct sasl.password"),
    errors.TopicsFailed({"opend.ticker.HK.00700": "there is no such topic"}),
    errors.TopicUnreadable("opend.watermark", "not authorized", forbidden=True),
    errors.DeliveryFailed("opend.ticker.HK.00700", "message too large"),
    errors.ProducerFailed("out of order sequence number", 3),
    errors.DrainFailed(3, 30.0),
    errors.RegistryUnreachable("http://localhost:8081", "timed out"),
    errors.RegistryDenied("http://localhost:8081", 401, "Unauthorized"),
    errors.SchemaRefused("opend.Ticker", "incompatible"),
    errors.SchemasMissing(["opend.Ticker", "opend.OrderBook"]),
)

#: What Python writes of its own values: b'FT', None, {'a': 1}, <object at 0x…>, ValueError(…).
_NOISE = re.compile(r"\bb'|\bNone\b|\bTrue\b|\bFalse\b|[{\[]'|<\w+|\w+Error\(")


def _drawn() -> dict[str, str]:
    """Read class → base from the module's drawing."""
    bases: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)(?:  |$)", line)
        if found is None:
            continue
        depth = len(found[1]) // 4 + ("── " in line)
        above[depth:] = [found[2]]
        bases[found[2]] = above[depth - 1] if depth else "Exception"
    return bases


def test_tree_shows_every_class_where_it_stands() -> None:
    """The drawing in the module's docstring holds every class, under its base, and no other."""
    bases = {name: value.__bases__[0].__name__ for name, value in CLASSES.items()}
    assert _drawn() == bases


def test_every_class_says_what_happened() -> None:
    """Each class has a docstring of its own."""
    assert [name for name, value in CLASSES.items() if not value.__dict__.get("__doc__")] == []


def test_examples_hold_every_class_that_makes_a_text() -> None:
    """The examples below are complete."""
    making = {value for value in CLASSES.values() if "__init__" in value.__dict__}
    assert making == {type(example) for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: type(one).__name__)
def test_text_holds_no_python(example: OpendKafkaError) -> None:
    """A text reads as a sentence: no bytes literal, None, dict or object of Python's."""
    assert _NOISE.findall(str(example)) == []


@pytest.mark.parametrize("base", [errors.OpenDError, errors.PushRejected])
def test_reason_is_short_and_every_class_has_its_own(base: type[OpendKafkaError]) -> None:
    """Reasons label metrics: few, without spaces, and one for each class."""
    reasons = [value.__dict__["reason"] for value in CLASSES.values() if issubclass(value, base)]
    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch(r"[a-z_0-9]{3,30}", reason) for reason in reasons)


def test_error_carries_its_parts() -> None:
    """What a handler may need is an attribute, not only text."""
    error = errors.RequestRefused("Qot_Sub", -1, 7, "no such security")
    parts = (error.request, error.ret_type, error.err_code, error.ret_msg)
    assert parts == ("Qot_Sub", -1, 7, "no such security")


def test_reasons_say_the_same_of_many_topics_once() -> None:
    """Three are named and the rest counted; other words stand for themselves."""
    failures = {f"t{number}": f"grant WRITE on topic t{number}" for number in range(5)}
    assert errors.reasons(failures | {"other": "missing"}) == [
        "other: missing",
        "t0, t1, t2 and 2 more: grant WRITE on topic t0",
    ]
