"""Records as typed values: a class for each record of `avro/`, whose docs tell each field.

Made from what `decoding.Decoder` gives: `Ticker.from_fields(record.fields)`, or `typed(record)`
where the kind is not known before. Enums are their symbols, times aware `datetime`s, arrays
tuples. A field that a later version of the schema has is left out; one that an earlier version
lacks is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Self, TypeAlias, dataclass_transform, get_args, get_origin, get_type_hints

from opend_kafka.consuming.decoding import Record
from opend_kafka.errors import RecordUndecodable

_Make: TypeAlias = Callable[[Any], Any]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _record(cls: type[Any]) -> type[Any]:
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class _Record:
    __slots__ = ()

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        """Make one from a decoded record's fields.

        Raises:
            RecordUndecodable: a field is missing that is never null.
        """
        names, inner = _shape(cls)  # type: ignore[arg-type] # a class can be hashed
        known = {name: given[name] for name in names if name in given}
        for name, make in inner:
            if known.get(name) is not None:
                known[name] = make(known[name])
        try:
            return cls(**known)
        except TypeError as error:
            raise RecordUndecodable(f"no {cls.__name__}: {error}") from None


@_record
class SecurityKey(_Record):
    """The key of every record: the instrument that it is about."""

    market: str
    code: str


@_record
class Provenance(_Record):
    """How and when this worker received the record.

    Within one conn_id, (push_serial, push_index) names what OpenD pushed.
    """

    origin: str
    conn_id: int
    push_serial: int
    push_index: int
    ingest_time: datetime


@_record
class Ticker(_Record):
    """One trade: an element of Qot_UpdateTicker.tickerList (3011)."""

    market: str
    code: str
    name: str | None = None
    sequence: int
    push_data_type: str | None = None
    push_data_type_code: int | None = None
    time: str
    event_time: datetime | None = None
    price: float
    volume: int
    turnover: float
    ticker_direction: str
    ticker_direction_code: int
    type: str | None = None
    type_code: int | None = None
    type_sign: int | None = None
    hp_volume: float | None = None
    recv_time: datetime | None = None
    provenance: Provenance


@_record
class OrderBookDetail(_Record):
    """One order in a book: Qot_Common.OrderBookDetail."""

    order_id: int
    volume: int


@_record
class Level(_Record):
    """One price level of a book: Qot_Common.OrderBook."""

    price: float
    volume: int
    order_count: int
    hp_volume: float | None = None
    details: tuple[OrderBookDetail, ...]


@_record
class OrderBook(_Record):
    """One push of a whole book: Qot_UpdateOrderBook (3013).

    Books have no sequence number: order them by provenance.
    """

    market: str
    code: str
    name: str | None = None
    order_book_type: str | None = None
    order_book_type_code: int | None = None
    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    svr_recv_time_bid: str | None = None
    svr_recv_time_bid_at: datetime | None = None
    svr_recv_time_ask: str | None = None
    svr_recv_time_ask_at: datetime | None = None
    provenance: Provenance


@_record
class PreAfterMarketData(_Record):
    """One session of the US market outside its regular hours: Qot_Common.PreAfterMarketData."""

    price: float | None = None
    high_price: float | None = None
    low_price: float | None = None
    volume: int | None = None
    turnover: float | None = None
    change_val: float | None = None
    change_rate: float | None = None
    amplitude: float | None = None


@_record
class OptionBasicQotExData(_Record):
    """What only the quote of an option has: Qot_Common.OptionBasicQotExData."""

    strike_price: float
    contract_size: int
    contract_size_float: float | None = None
    open_interest: int
    implied_volatility: float
    premium: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float
    net_open_interest: int | None = None
    expiry_date_distance: int | None = None
    contract_nominal_value: float | None = None
    owner_lot_multiplier: float | None = None
    option_area_type: str | None = None
    option_area_type_code: int | None = None
    contract_multiplier: float | None = None
    index_option_type: str | None = None
    index_option_type_code: int | None = None


@_record
class FutureBasicQotExData(_Record):
    """What only the quote of a future has: Qot_Common.FutureBasicQotExData."""

    last_settle_price: float
    position: int
    position_change: int
    expiry_date_distance: int | None = None


@_record
class WarrantBasicQotExData(_Record):
    """What only the quote of a warrant has: Qot_Common.WarrantBasicQotExData."""

    delta: float | None = None
    implied_volatility: float | None = None
    premium: float


@_record
class Quote(_Record):
    """The basic quote of one security: an element of Qot_UpdateBasicQot.basicQotList (3005)."""

    market: str
    code: str
    name: str | None = None
    suspension: bool
    listing_date: str
    listing_date_at: datetime | None = None
    price_spread: float
    update_time: str
    update_time_at: datetime | None = None
    high_price: float
    open_price: float
    low_price: float
    last_price: float
    prev_close_price: float
    volume: int
    turnover: float
    turnover_rate: float
    amplitude: float
    dark_status: str | None = None
    dark_status_code: int | None = None
    sec_status: str | None = None
    sec_status_code: int | None = None
    option_ex_data: OptionBasicQotExData | None = None
    future_ex_data: FutureBasicQotExData | None = None
    warrant_ex_data: WarrantBasicQotExData | None = None
    pre_market: PreAfterMarketData | None = None
    after_market: PreAfterMarketData | None = None
    overnight: PreAfterMarketData | None = None
    hp_volume: float | None = None
    provenance: Provenance


@_record
class KLine(_Record):
    """One K-line, as it stands: an element of Qot_UpdateKL.klList (3007).

    It comes again with each change, until its period is over: order by provenance.
    """

    market: str
    code: str
    name: str | None = None
    rehab_type: str
    rehab_type_code: int
    k_type: str
    k_type_code: int
    time_key: str
    time_key_at: datetime | None = None
    is_blank: bool
    open: float | None = None
    close: float | None = None
    high: float | None = None
    low: float | None = None
    last_close: float | None = None
    volume: int | None = None
    turnover: float | None = None
    turnover_rate: float | None = None
    pe_ratio: float | None = None
    change_rate: float | None = None
    hp_volume: float | None = None
    provenance: Provenance


@_record
class RtData(_Record):
    """One point of the intraday line: an element of Qot_UpdateRT.rtList (3009).

    The latest minute comes again with each change: order by provenance.
    """

    market: str
    code: str
    name: str | None = None
    time: str
    time_at: datetime | None = None
    opened_mins: int
    is_blank: bool
    cur_price: float | None = None
    last_close: float | None = None
    avg_price: float | None = None
    volume: int | None = None
    turnover: float | None = None
    hp_volume: float | None = None
    provenance: Provenance


@_record
class BrokerEntry(_Record):
    """One place in a queue of brokers: Qot_Common.Broker."""

    broker_id: int
    broker_name: str
    broker_pos: int
    order_id: int | None = None
    order_volume: int | None = None


@_record
class Broker(_Record):
    """One push of both queues of brokers: Qot_UpdateBroker (3015).

    Queues have no sequence number: order them by provenance.
    """

    market: str
    code: str
    name: str | None = None
    asks: tuple[BrokerEntry, ...]
    bids: tuple[BrokerEntry, ...]
    provenance: Provenance


@_record
class SessionEvent(_Record):
    """What happened to a worker and its link to OpenD.

    A consumer must know it who wants to trust that ticks are all there.
    """

    kind: str
    time: datetime
    worker: str
    conn_id: int | None = None
    reason: str | None = None
    detail: str | None = None
    subtype: str | None = None
    sequence_before: int | None = None
    sequence_after: int | None = None
    ticks_missing: int | None = None
    ticks_repaired: int | None = None


@_record
class WatermarkBlock(_Record):
    """Which ticks of a range of sequences Kafka acknowledged, in three numbers."""

    first: int
    count: int
    checksum: int


@_record
class Watermark(_Record):
    """How far the ticks of one security are in Kafka.

    A worker reads the newest one of each security when it starts, and repairs what is missing
    since.
    """

    market: str
    code: str
    sequence: int | None = None
    blocks: tuple[WatermarkBlock, ...]
    time: datetime
    worker: str


@_record
class DeadLetter(_Record):
    """What OpenD sent and could not become records."""

    time: datetime
    worker: str
    reason: str
    detail: str
    conn_id: int | None = None
    proto_id: int
    message: str | None = None
    push_serial: int
    push_indexes: tuple[int, ...] | None = None
    subtype: str | None = None
    market: str | None = None
    code: str | None = None
    body_format: str
    body_format_code: int
    body_length: int
    body: bytes


#: A record's full name → its class. What a later version adds to `avro/`, a test wants here.
TYPES: dict[str, type[_Record]] = {
    f"opend.{cls.__name__}": cls
    for cls in (
        SecurityKey,
        Provenance,
        Ticker,
        OrderBookDetail,
        Level,
        OrderBook,
        PreAfterMarketData,
        OptionBasicQotExData,
        FutureBasicQotExData,
        WarrantBasicQotExData,
        Quote,
        KLine,
        RtData,
        BrokerEntry,
        Broker,
        SessionEvent,
        WatermarkBlock,
        Watermark,
        DeadLetter,
    )
}


def typed(record: Record) -> _Record:
    """Give a decoded record as its class.

    Raises:
        RecordUndecodable: this version knows no such record, or a field is missing.
    """
    cls = TYPES.get(record.schema)
    if cls is None:
        raise RecordUndecodable(f"this version has no class for {record.schema}")
    return cls.from_fields(record.fields)


@cache
def _shape(cls: type[_Record]) -> tuple[tuple[str, ...], tuple[tuple[str, _Make], ...]]:
    """Give the fields' names, and how those are made that are more than what Avro gives."""
    hints = get_type_hints(cls)
    names = tuple(field.name for field in fields(cls))  # type: ignore[arg-type] # _record made it
    made = ((name, _make_of(hints[name])) for name in names)
    return names, tuple((name, make) for name, make in made if make is not None)


def _make_of(hint: Any) -> _Make | None:
    parts = [one for one in get_args(hint) if one not in (type(None), Ellipsis)]
    if get_origin(hint) is tuple:
        make = _make_of(parts[0])
        return tuple if make is None else lambda values: tuple(map(make, values))
    if parts:
        return _make_of(parts[0])
    return hint.from_fields if issubclass(hint, _Record) else None
