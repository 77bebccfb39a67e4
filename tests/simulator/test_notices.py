"""What OpenD notifies of."""

import pytest

from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.pb import Common_pb2, Notify_pb2
from opend_kafka.simulator import notices
from opend_kafka.simulator.conditions import RIGHTS, Conditions
from opend_kafka.simulator.pushes import notify_push


@pytest.mark.parametrize(
    ("notice", "number", "part"),
    [
        (notices.gateway_event(Notify_pb2.GtwEventType_KickedOut, "elsewhere"), 1, "event"),
        (
            notices.program_status(Common_pb2.ProgramStatusType_ForceLogout),
            2,
            "programStatus",
        ),
        (notices.connect_status(logged_in=False), 3, "connectStatus"),
        (notices.quote_rights(Conditions()), 4, "qotRight"),
        (notices.api_quota(5), 6, "apiQuota"),
        (notices.used_quota(5), 7, "usedQuota"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_notice_has_the_part_of_its_type(notice: Notify_pb2.S2C, number: int, part: str) -> None:
    """A notice is complete, and carries the part that its type names and no other."""
    push = notify_push((1,), notice)
    s2c = decode_push(push.proto_id, push.response.SerializeToString())
    assert (s2c.type, [field.name for field, _ in s2c.ListFields()]) == (number, ["type", part])


def test_quote_rights_are_by_market() -> None:
    """A changed right is told of its market; the others are as always."""
    conditions = Conditions()
    conditions.set_right("SZ", RIGHTS["bmp"])
    rights = notices.quote_rights(conditions).qotRight
    assert (rights.szQotRight, rights.shQotRight, rights.hkQotRight) == (1, 3, 3)
