"""What Notify says."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.notices import Notice, NoticeKind, read_notice
from opend_kafka.opend.pb import Notify_pb2
from tests.opend.vectors import vector


def _read(**s2c: Any) -> Notice:
    return read_notice(ParseDict(s2c, Notify_pb2.S2C()))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("notify_kicked_out", NoticeKind.KICKED_OUT),
        ("notify_quote_login_lost", NoticeKind.LOGIN_LOST),
    ],
)
def test_notice_of_the_sdk_is_read(name: str, kind: NoticeKind) -> None:
    """The SDK's own frames say what they were made to say."""
    frame = vector(name)
    assert read_notice(decode_push(frame.proto_id, frame.body)).kind is kind


@pytest.mark.parametrize(
    ("s2c", "notice"),
    [
        (
            {"type": 1, "event": {"eventType": 9, "desc": "banned"}},
            Notice(NoticeKind.LOGIN_FAILED, "BanLogin: banned"),
        ),
        (
            {"type": 1, "event": {"eventType": 99, "desc": "newer"}},
            Notice(NoticeKind.OTHER, "99: newer"),
        ),
        (
            {"type": 2, "programStatus": {"programStatus": {"type": 11, "strExtDesc": "bye"}}},
            Notice(NoticeKind.FORCED_LOGOUT, "ForceLogout: bye"),
        ),
        (
            {"type": 2, "programStatus": {"programStatus": {"type": 10}}},
            Notice(NoticeKind.PROGRAM_STATUS, "Ready"),
        ),
        (
            {"type": 3, "connectStatus": {"qotLogined": True, "trdLogined": False}},
            Notice(NoticeKind.LOGIN_STANDS, "OpenD is logged in to its quote server"),
        ),
        (
            {"type": 4, "qotRight": {"hkQotRight": 1, "usQotRight": 6, "cnQotRight": 9}},
            Notice(NoticeKind.QUOTE_RIGHT, "hk BMP, us L3, cn 9"),
        ),
        (
            {"type": 6, "apiQuota": {"subQuota": 100, "historyKLQuota": 5}},
            Notice(NoticeKind.QUOTA, "subQuota 100, historyKLQuota 5"),
        ),
        (
            {"type": 7, "usedQuota": {"usedSubQuota": 3}},
            Notice(NoticeKind.QUOTA, "usedSubQuota 3"),
        ),
        ({"type": 77}, Notice(NoticeKind.OTHER, "Notify of type 77")),
    ],
)
def test_notice_says_its_kind_and_its_words(s2c: dict[str, Any], notice: Notice) -> None:
    """Each type is read into its kind; a newer number stands as a number."""
    assert _read(**s2c) == notice


@given(st.integers(-1, 20), st.integers(-1, 20))
def test_notice_without_its_part_is_read_all_the_same(notify_type: int, event: int) -> None:
    """A type whose part is missing is no fault."""
    assert read_notice(Notify_pb2.S2C(type=notify_type)).kind in NoticeKind
    s2c = Notify_pb2.S2C(type=notify_type, event=Notify_pb2.GtwEvent(eventType=event, desc=""))
    assert read_notice(s2c).kind in NoticeKind
