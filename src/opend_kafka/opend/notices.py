"""What OpenD's Notify (1003) says, by kind. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from google.protobuf.message import Message

from opend_kafka.opend.pb import Common_pb2, Notify_pb2

#: Common.ProgramStatusType that ends every connection.
_FORCE_LOGOUT = Common_pb2.ProgramStatusType_ForceLogout


class NoticeKind(StrEnum):
    """The kinds that somebody acts on, and OTHER."""

    KICKED_OUT = "kicked_out"
    LOGIN_FAILED = "login_failed"
    LOGIN_LOST = "login_lost"
    LOGIN_STANDS = "login_stands"
    FORCED_LOGOUT = "forced_logout"
    PROGRAM_STATUS = "program_status"
    QUOTE_RIGHT = "quote_right"
    QUOTA = "quota"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: its kind, and what it says in words."""

    kind: NoticeKind
    text: str


#: Notify.GtwEventType numbers by what they come to; the rest is OTHER.
_GATEWAY = {
    4: NoticeKind.LOGIN_FAILED,
    7: NoticeKind.KICKED_OUT,
    8: NoticeKind.LOGIN_FAILED,
    9: NoticeKind.LOGIN_FAILED,
    10: NoticeKind.LOGIN_FAILED,
    11: NoticeKind.LOGIN_FAILED,
    15: NoticeKind.LOGIN_FAILED,
}

#: Qot right numbers, in words.
_RIGHTS = {1: "BMP", 2: "L1", 3: "L2", 4: "SF", 5: "none", 6: "L3"}


def read_notice(s2c: Notify_pb2.S2C) -> Notice:
    """Give what a Notify says. A type newer than the table is OTHER, with its number."""
    read = _READERS.get(s2c.type)
    return read(s2c) if read else Notice(NoticeKind.OTHER, f"Notify of type {s2c.type}")


def _gateway(s2c: Notify_pb2.S2C) -> Notice:
    number = s2c.event.eventType
    kind = _GATEWAY.get(number, NoticeKind.OTHER)
    return Notice(kind, f"{_name(Notify_pb2.GtwEventType, number)}: {s2c.event.desc}")


def _program(s2c: Notify_pb2.S2C) -> Notice:
    status = s2c.programStatus.programStatus
    kind = NoticeKind.FORCED_LOGOUT if status.type == _FORCE_LOGOUT else NoticeKind.PROGRAM_STATUS
    words = _name(Common_pb2.ProgramStatusType, status.type)
    return Notice(kind, f"{words}: {status.strExtDesc}" if status.strExtDesc else words)


def _connection(s2c: Notify_pb2.S2C) -> Notice:
    if s2c.connectStatus.qotLogined:
        return Notice(NoticeKind.LOGIN_STANDS, "OpenD is logged in to its quote server")
    return Notice(NoticeKind.LOGIN_LOST, "OpenD is not logged in to its quote server")


def _quote_right(s2c: Notify_pb2.S2C) -> Notice:
    rights = {
        field.name: _RIGHTS.get(value, str(value))
        for field, value in s2c.qotRight.ListFields()
        if field.name.endswith("QotRight")
    }
    return Notice(
        NoticeKind.QUOTE_RIGHT,
        ", ".join(f"{name.removesuffix('QotRight')} {right}" for name, right in rights.items()),
    )


def _quota(s2c: Notify_pb2.S2C) -> Notice:
    message: Message = s2c.apiQuota if s2c.HasField("apiQuota") else s2c.usedQuota
    words = ", ".join(f"{field.name} {value}" for field, value in message.ListFields())
    return Notice(NoticeKind.QUOTA, words)


def _name(enum: Any, number: int) -> str:
    """Give an enum's name without its prefix; a newer number is that number."""
    try:
        return str(enum.Name(number)).partition("_")[2]
    except ValueError:
        return str(number)


_READERS: dict[int, Callable[[Notify_pb2.S2C], Notice]] = {
    Notify_pb2.NotifyType_GtwEvent: _gateway,
    Notify_pb2.NotifyType_ProgramStatus: _program,
    Notify_pb2.NotifyType_ConnStatus: _connection,
    Notify_pb2.NotifyType_QotRight: _quote_right,
    Notify_pb2.NotifyType_APIQuota: _quota,
    Notify_pb2.NotifyType_UsedQuota: _quota,
}
