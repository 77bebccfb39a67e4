"""What OpenD notifies of (Notify 1003)."""

from __future__ import annotations

from typing import Any

from opend_kafka.opend.pb import Common_pb2, Notify_pb2
from opend_kafka.simulator.conditions import Conditions

#: QotRight's field → the market whose right it tells.
RIGHT_FIELDS = {
    "hkQotRight": "HK",
    "usQotRight": "US",
    "cnQotRight": "SH",
    "hkFutureQotRight": "HK_FUTURE",
    "shQotRight": "SH",
    "szQotRight": "SZ",
    "ccQotRight": "CC",
    "sgStockQotRight": "SG",
    "myStockQotRight": "MY",
    "jpStockQotRight": "JP",
    "ecQotRight": "EC",
}


def gateway_event(event: Notify_pb2.GtwEventType, words: str) -> Notify_pb2.S2C:
    """Tell of an event of OpenD's own."""
    return Notify_pb2.S2C(
        type=Notify_pb2.NotifyType_GtwEvent,
        event=Notify_pb2.GtwEvent(eventType=event, desc=words),
    )


def program_status(status: Common_pb2.ProgramStatusType) -> Notify_pb2.S2C:
    """Tell the program status."""
    return Notify_pb2.S2C(
        type=Notify_pb2.NotifyType_ProgramStatus,
        programStatus=Notify_pb2.ProgramStatus(programStatus=Common_pb2.ProgramStatus(type=status)),
    )


def connect_status(*, logged_in: bool) -> Notify_pb2.S2C:
    """Tell whether OpenD is logged in."""
    return Notify_pb2.S2C(
        type=Notify_pb2.NotifyType_ConnStatus,
        connectStatus=Notify_pb2.ConnectStatus(qotLogined=logged_in, trdLogined=logged_in),
    )


def quote_rights(conditions: Conditions) -> Notify_pb2.S2C:
    """Tell the quote rights of all markets."""
    rights: dict[str, Any] = {
        field: conditions.right_of(market) for field, market in RIGHT_FIELDS.items()
    }
    return Notify_pb2.S2C(
        type=Notify_pb2.NotifyType_QotRight,
        qotRight=Notify_pb2.QotRight(**rights),
    )


def api_quota(quota: int) -> Notify_pb2.S2C:
    """Tell the subscription quota."""
    return Notify_pb2.S2C(
        type=Notify_pb2.NotifyType_APIQuota,
        apiQuota=Notify_pb2.APIQuota(subQuota=quota, historyKLQuota=0),
    )


def used_quota(used: int) -> Notify_pb2.S2C:
    """Tell how much of the subscription quota is used."""
    return Notify_pb2.S2C(
        type=Notify_pb2.NotifyType_UsedQuota,
        usedQuota=Notify_pb2.UsedQuota(usedSubQuota=used, usedKLineQuota=0),
    )
