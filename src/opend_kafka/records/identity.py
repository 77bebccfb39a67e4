"""Which subscription and sequence a record of ours is about, from its bytes alone. Pure.

Nobody keeps this beside each record on its way to Kafka; the few that fail are read back.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import fastavro

from opend_kafka import schemas
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.records.kinds import SUBTYPES, schema_of


def identify(
    subtype: str, key: bytes | None, value: bytes
) -> tuple[Subscription | None, int | None]:
    """Give a record's subscription, and its sequence where its kind has one.

    Args:
        subtype: as the metrics call the record's topic; None comes for what is no subtype.
        key: with the wire format's prefix, either of the two.
        value: likewise.
    """
    if key is None or subtype not in SUBTYPES:
        return None, None
    one = Subtype(subtype)
    security = Security(**_read(key, schemas.KEY))
    return Subscription(security, one), _read(value, schema_of(one)).get("sequence")


def _read(data: bytes, schema: str) -> dict[str, Any]:
    prefix = 5 if data.startswith(schemas.CONFLUENT_MAGIC) else 10
    stream = BytesIO(data[prefix:])
    return cast(dict[str, Any], fastavro.schemaless_reader(stream, schemas.load(schema), None))
