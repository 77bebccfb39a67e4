"""The states of markets, held against the official SDK's list of them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

from opend_kafka.opend.market_state import (
    _STATES,
    Hours,
    covers,
    hours_of,
    read_states,
    state_name,
)
from opend_kafka.opend.pb import GetGlobalState_pb2
from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.subscriptions import TradingSession


def _official() -> dict[str, int]:
    """Give the SDK's names and numbers, its names in capitals without lines between words."""
    spec = find_spec("futu")
    assert spec is not None
    assert spec.origin is not None
    proto = (Path(spec.origin).parent / "common/pb/Qot_Common.proto").read_text("utf-8")
    (body,) = re.findall(r"enum QotMarketState\s*\{(.*?)\n\}", proto, re.DOTALL)
    rows = re.findall(r"QotMarketState_(\w+)\s*=\s*(\d+)", body)
    return {name.replace("_", "").upper(): int(number) for name, number in rows}


def test_every_state_of_the_sdk_is_known() -> None:
    """No number that the SDK has a name for is left out, and none is made up."""
    assert set(_STATES) == set(_official().values())


@pytest.mark.parametrize("number", sorted(_STATES))
def test_state_has_the_sdks_name(number: int) -> None:
    """The name is that of the SDK's protocol, but for where its Python names differ."""
    renamed = {"FUTUREDAYWAITOPEN": "FUTUREDAYWAITFOROPEN"}
    name = state_name(number).replace("_", "")
    assert _official()[renamed.get(name, name)] == number


@pytest.mark.parametrize(
    ("number", "hours"),
    [
        (0, None),
        (1, None),
        (2, None),
        (3, Hours.REGULAR),
        (4, None),
        (5, Hours.REGULAR),
        (6, None),
        (8, Hours.EXTENDED),
        (9, None),
        (10, Hours.EXTENDED),
        (13, Hours.REGULAR),
        (15, Hours.REGULAR),
        (16, None),
        (19, None),
        (28, None),
        (30, None),
        (37, Hours.OVERNIGHT),
    ],
)
def test_state_stands_for_its_hours(number: int, hours: Hours | None) -> None:
    """Streams are awaited in continuous trading: not in breaks, not in auctions."""
    assert hours_of(number) is hours


@pytest.mark.parametrize("number", [7, 38, -1])
def test_newer_state_is_shown_as_number_and_expects_nothing(number: int) -> None:
    """What the table does not know makes no stream stale."""
    assert (state_name(number), hours_of(number)) == (str(number), None)


@pytest.mark.parametrize(("session", "hours"), list(product([None, *TradingSession], Hours)))
def test_session_covers_its_hours(session: TradingSession | None, hours: Hours) -> None:
    """Regular hours are everybody's; before and after them it takes eth, in the night all."""
    wide = {TradingSession.ETH: {Hours.EXTENDED}, TradingSession.ALL: set(Hours)}
    expected = {Hours.REGULAR} | (wide.get(session, set()) if session else set())
    assert covers(session, hours) == (hours in expected)


def test_only_states_that_opend_tells_are_read() -> None:
    """A field that an older OpenD leaves out is not a market without trade."""
    s2c = GetGlobalState_pb2.S2C(marketHK=3, marketUS=8, marketHKFuture=15, marketUSFuture=23)
    assert read_states(s2c) == {"HK": 3, "US": 8, "HK_FUTURE": 15}


def test_every_field_leads_to_a_market() -> None:
    """Markets are named as securities name them."""
    s2c = GetGlobalState_pb2.S2C()
    for name in s2c.DESCRIPTOR.fields_by_name:
        if name.startswith("market"):
            setattr(s2c, name, 5)
    assert set(read_states(s2c)) <= set(MARKETS.values())
    assert len(read_states(s2c)) == 8
