"""Which streams a push is of."""

from __future__ import annotations

import pytest

from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_UpdateKL_pb2
from opend_kafka.opend.streams import Stream, streams_of
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import RecordEncoder
from opend_kafka.records.kinds import KINDS
from tests.opend.vectors import VECTORS, Vector

ENCODERS = {kind.proto_id: RecordEncoder(kind) for kind in KINDS}


#: A push that says that it failed is of nothing.
PUSHES = [one for one in VECTORS if one.proto_id in ENCODERS and one.message["retType"] == 0]


@pytest.mark.parametrize("vector", PUSHES, ids=str)
def test_streams_are_those_of_the_records(vector: Vector) -> None:
    """A push is of the streams that its records are of."""
    s2c = decode_push(vector.proto_id, vector.body)
    rows = ENCODERS[ProtoId(vector.proto_id)].rows(s2c)
    of_rows = {(row.subtype, row.market_number, row.code) for row in rows}
    assert set(streams_of(vector.proto_id, s2c)) == of_rows


def test_k_lines_of_each_period_are_a_stream() -> None:
    """All 15 kinds of K-lines have their subtype."""
    found = set()
    for number in range(1, 16):
        s2c = Qot_UpdateKL_pb2.S2C(rehabType=0, klType=number)
        s2c.security.market, s2c.security.code = 1, "00700"
        found |= set(streams_of(ProtoId.QOT_UPDATE_KL, s2c))
    assert found == {Stream(one, 1, "00700") for one in Subtype if one.is_k_line}


def test_what_is_not_known_has_no_stream() -> None:
    """A Notify is of OpenD itself, and of a message that is newer nobody knows."""
    assert streams_of(ProtoId.NOTIFY, None) == []
    assert streams_of(3999, None) == []
