"""One push's way."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from opend_kafka import schemas
from opend_kafka.continuity.gap import Gap
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.dead_letters import DeadLetterPublisher
from opend_kafka.kafka.routing import LATEST_BOOKS, Route, routes, topic_names
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push, Reply
from opend_kafka.opend.frames import BodyFormat, FrameReader
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Qot_GetTicker_pb2, Qot_UpdateTicker_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.records.dead_letter import DeadLetter
from opend_kafka.records.kinds import schema_of
from tests.opend.vectors import vector
from tests.sinks import KeptRecords
from tests.trackers import tracker

HK = Security("HK", "00700")
VECTORS = {
    vector["name"]: vector
    for vector in json.loads(Path(__file__).with_name("data").joinpath("frames.json").read_text())[
        "vectors"
    ]
}
NOW_US = 1_700_000_000_123_456
CONN_ID = 77


class _Kept(KeptRecords):
    """A sink that keeps what it gets; dead letters apart."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[DeadLetter] = []
        self.heard: set[tuple[str, int, str]] = set()
        self.gaps: list[Gap] = []
        self.tracker: Tracker[Record]

    def produce(
        self,
        route: Route,
        value: bytes,
        timestamp_ms: int,
        on_delivered: Callable[[bool], None] | None = None,
    ) -> None:
        if route.topic != "opend.dead-letter":
            super().produce(route, value, timestamp_ms, on_delivered)

    def fields(self, index: int) -> Any:
        route, value, _ = self.records[index]
        return fastavro.schemaless_reader(
            BytesIO(value), schemas.load(schema_of(Subtype(route.subtype))), None
        )


def _pipeline(
    *wanted: tuple[str, Subtype],
    followed: bool = False,
    keep_unknown_fields: bool = False,
    event_time: bool = False,
    latest_books: str | None = None,
) -> tuple[Pipeline, _Kept, Metrics]:
    subscriptions = [Subscription(Security.parse(code), subtype) for code, subtype in wanted]
    table = routes(
        topic_names(subscriptions, prefix="opend", layout="subtype_security"),
        schema_of=schema_of,
        prefix=lambda topic, schema, is_key: b"",
        latest_books=latest_books,
    )
    sink, metrics = _Kept(), Metrics("0")
    letters = DeadLetterPublisher(
        sink,
        "opend.dead-letter",
        b"",
        metrics,
        worker="w",
        now_us=lambda: NOW_US,
        on_letter=sink.letters.append,
    )
    securities = [one.security for one in subscriptions if followed]
    sink.tracker = tracker(sink, securities, on_gap=sink.gaps.append)
    pipeline = Pipeline(
        table,
        sink,
        metrics,
        dead_letters=letters,
        now_us=lambda: NOW_US,
        tracker=sink.tracker,
        heard=sink.heard.add,
        keep_unknown_fields=keep_unknown_fields,
        event_time=event_time,
    )
    return pipeline, sink, metrics


@pytest.fixture
def wired() -> tuple[Pipeline, _Kept, Metrics]:
    """Give a pipeline for every security and subtype of the vectors."""
    return _pipeline(
        ("HK.00700", Subtype.TICKER),
        ("US.AAPL", Subtype.TICKER),
        ("HK.00700", Subtype.ORDER_BOOK),
        ("HK.00700", Subtype.ORDER_BOOK_ODD),
    )


def _push(name: str) -> Push:
    (frame,) = FrameReader().receive(bytes.fromhex(VECTORS[name]["frame_plain"]))
    return Push(CONN_ID, frame.proto_id, frame.serial, frame.body)


def _rejected(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value("opend_kafka_dead_letters_total", {"reason": reason})


def test_push_of_three_ticks_makes_three_records_in_order(
    wired: tuple[Pipeline, _Kept, Metrics],
) -> None:
    """Each tick of a push is a record, in the push's order, with its place in the provenance."""
    pipeline, sink, _ = wired
    pipeline.push(_push("ticker_bydisconn_three"))
    assert [sink.fields(index)["sequence"] & 0xFFFFFFFF for index in range(3)] == [
        5869, 5870, 5871,
    ]  # fmt: skip
    assert [sink.fields(index)["provenance"]["push_index"] for index in range(3)] == [0, 1, 2]


def test_push_goes_to_its_securitys_topic_at_its_ingest_time(
    wired: tuple[Pipeline, _Kept, Metrics],
) -> None:
    """The route is the security's and subtype's; Kafka's timestamp is the ingest time."""
    pipeline, sink, _ = wired
    pipeline.push(_push("ticker_cache_us_odd_lot"))
    route, _, timestamp_ms = sink.records[0]
    assert route.topic == "opend.ticker.US.AAPL"
    assert timestamp_ms == NOW_US // 1000


def test_push_lands_at_its_event_time_where_that_is_wanted() -> None:
    """Kafka's timestamp is OpenD's; the record itself keeps the ingest time."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER), event_time=True)
    pipeline.push(_push("ticker_realtime_hk"))
    _, _, timestamp_ms = sink.records[0]
    ingest_time = sink.fields(0)["provenance"]["ingest_time"]
    assert (timestamp_ms, ingest_time.timestamp()) == (1_624_588_428_000, NOW_US / 1_000_000)


def test_push_of_an_odd_lot_book_goes_to_its_own_subtype(
    wired: tuple[Pipeline, _Kept, Metrics],
) -> None:
    """3013 serves two subtypes: its type decides."""
    pipeline, sink, _ = wired
    pipeline.push(_push("order_book_hk_odd_lot"))
    pipeline.push(_push("order_book_hk_10_levels"))
    assert [route.topic for route, _, _ in sink.records] == [
        "opend.order-book-odd.HK.00700",
        "opend.order-book.HK.00700",
    ]


def test_book_is_written_among_the_latest_too() -> None:
    """The same record at the same time; not one of odd lots, nor a tick."""
    wanted = [("HK.00700", one) for one in ("order-book", "order-book-odd", "ticker")]
    pipeline, sink, _ = _pipeline(
        *((code, Subtype(one)) for code, one in wanted), latest_books="opend.latest"
    )
    pipeline.push(_push("ticker_cache_hk"))
    pipeline.push(_push("order_book_hk_odd_lot"))
    pipeline.push(_push("order_book_hk_10_levels"))
    _, _, (_, value, timestamp_ms), latest = sink.records
    assert (latest[0].topic, latest[1:]) == ("opend.latest", (value, timestamp_ms))


def test_book_among_the_latest_has_the_wire_format_of_its_topic() -> None:
    """With subjects by topic, the registry may know one schema by two ids."""
    books = Route("opend.order-book", "order-book", None, b"\0\0\0\0\1")
    latest = Route("opend.latest", LATEST_BOOKS, None, b"\0\0\0\0\2")
    record = Record(books, b"\0\0\0\0\1book", 5)
    assert record.latest(latest) == Record(latest, b"\0\0\0\0\2book", 5)


def test_push_is_heard_as_its_stream() -> None:
    """Whoever looks after silent streams is told of each that speaks, of those that are wanted."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    pipeline.push(_push("ticker_realtime_hk"))
    pipeline.push(_push("order_book_hk_10_levels"))
    assert sink.heard == {("ticker", 1, "00700")}


def test_push_is_counted_by_subtype_and_push_data_type(
    wired: tuple[Pipeline, _Kept, Metrics],
) -> None:
    """Pushes and records are counted under the labels of the contract."""
    pipeline, _, metrics = wired
    pipeline.push(_push("ticker_bydisconn_three"))
    value = metrics.registry.get_sample_value
    assert value("opend_kafka_pushes_received_total", {"subtype": "ticker"}) == 1
    labels = {"subtype": "ticker", "push_data_type": "BYDISCONN"}
    assert value("opend_kafka_records_produced_total", labels) == 3


@pytest.mark.parametrize(
    ("push", "reason"),
    [
        (Push(CONN_ID, 9999, 1, b""), "unknown_proto_id"),
        (Push(CONN_ID, ProtoId.NOTIFY, 1, b""), "unknown_proto_id"),
        (Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, b"\xff\xff"), "malformed"),
        (Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, b"\x08\x00"), "no_s2c"),
        (_push("ticker_push_error"), "ret_type"),
    ],
    ids=["unknown", "without-a-kind", "malformed", "no-s2c", "ret-type"],
)
def test_push_that_is_no_record_is_a_dead_letter(
    wired: tuple[Pipeline, _Kept, Metrics], push: Push, reason: str
) -> None:
    """A bad push is handed over as it came and whole, with the reason, and counted."""
    pipeline, sink, metrics = wired
    pipeline.push(push)
    (letter,) = sink.letters
    assert (letter.push, letter.reason, letter.push_indexes) == (push, reason, None)
    assert _rejected(metrics, reason) == 1


@pytest.mark.parametrize(
    "push",
    [Push(CONN_ID, 9999, 1, b""), _push("ticker_push_error")],
    ids=["unknown", "ret-type"],
)
def test_push_that_is_no_record_is_logged_and_the_next_one_goes_on(
    wired: tuple[Pipeline, _Kept, Metrics], push: Push
) -> None:
    """A bad push is logged once, with its serial; its neighbour is a record."""
    pipeline, sink, _ = wired
    with capture_logs() as logged:
        pipeline.push(push)
    pipeline.push(_push("ticker_cache_hk"))
    assert [line["push_serial"] for line in logged] == [push.serial]
    assert len(sink.records) == 1


def test_push_of_what_is_not_wanted_is_a_dead_letter() -> None:
    """A security that nobody subscribed makes no topic: its letter names it."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    pipeline.push(_push("ticker_cache_us_odd_lot"))
    (letter,) = sink.letters
    assert letter.reason == "not_subscribed"
    assert (letter.subtype, letter.market, letter.code) == ("ticker", "US", "AAPL")
    assert sink.records == []


def _ticker() -> Any:
    response = Qot_UpdateTicker_pb2.Response(retType=0)
    response.s2c.security.market, response.s2c.security.code = 1, "00700"
    for sequence in (1, 2, 3):
        response.s2c.tickerList.add(
            time="", sequence=sequence, dir=1, price=1, volume=1, turnover=1
        )
    return response


def test_push_keeps_the_neighbours_of_a_tick_that_cannot_be_mapped() -> None:
    """A tick whose text is no UTF-8 is a dead letter; those before and behind it are records."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    response = _ticker()
    response.s2c.tickerList[1].time = "MARK"
    body = response.SerializeToString().replace(b"MARK", b"\xff\xfe\xfd\xfc")
    pipeline.push(Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, body))
    (letter,) = sink.letters
    assert (letter.reason, letter.push_indexes, letter.push.body) == ("unmappable", (1,), body)
    assert [sink.fields(index)["sequence"] for index in range(len(sink.records))] == [1, 3]


def test_push_from_a_market_newer_than_the_table_is_not_wanted() -> None:
    """An unknown market number is one dead letter for all rows of the push."""
    pipeline, sink, metrics = _pipeline(("HK.00700", Subtype.TICKER))
    response = _ticker()
    response.s2c.security.market = 4711
    pipeline.push(Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, response.SerializeToString()))
    (letter,) = sink.letters
    assert (letter.market, letter.push_indexes) == ("4711", (0, 1, 2))
    assert _rejected(metrics, "not_subscribed") == 1


@given(st.sampled_from([3005, 3007, 3009, 3011, 3013, 3015, 1]), st.binary(max_size=200))
def test_push_never_raises_because_of_what_it_holds(proto_id: int, body: bytes) -> None:
    """Any bytes are records or one dead letter that holds them."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    with capture_logs():
        pipeline.push(Push(CONN_ID, proto_id, 1, body))
    assert [letter.push.body for letter in sink.letters] == [body] * (not sink.records)


@given(st.sampled_from([3005, 3011, 3013]), st.binary(max_size=100) | st.text().map(str.encode))
def test_push_in_json_never_raises_because_of_what_it_holds(proto_id: int, body: bytes) -> None:
    """Nor does any text, halves of characters included."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    with capture_logs():
        pipeline.push(Push(CONN_ID, proto_id, 1, body, BodyFormat.JSON))
    assert [letter.push.body for letter in sink.letters] == [body]


def test_row_with_a_code_that_is_no_text_is_a_dead_letter_without_it() -> None:
    """A code that is no UTF-8 cannot be named, and ends nothing."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    body = _ticker().SerializeToString().replace(b"00700", b"\xff\xfe\xfd\xfc\xfb")
    pipeline.push(Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, body))
    (letter,) = sink.letters
    assert (letter.subtype, letter.market, letter.code) == ("ticker", "HK", None)


@pytest.mark.parametrize("text", ["\\ud800", "x\\udfff"])
def test_half_a_character_in_json_is_a_dead_letter(text: str) -> None:
    """A lone surrogate, which UTF-8 cannot carry, is told in some way and ends nothing."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER))
    for body in (f'{{"retType": "{text}"}}', f'{{"{text}": 1}}', f'{{"retMsg": "{text}"}}'):
        with capture_logs():
            push = Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, body.encode(), BodyFormat.JSON)
            pipeline.push(push)
    assert len(sink.letters) == 3


@pytest.fixture
def followed() -> tuple[Pipeline, _Kept]:
    """Give a pipeline whose one ticker is followed for gaps."""
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.TICKER), followed=True)
    return pipeline, sink


def _listed(*names: str) -> Reply:
    """Give OpenD's latest ticks: those of the vectors, as Qot_GetTicker answers."""
    s2c = Qot_GetTicker_pb2.S2C()
    for name in names:
        response = Qot_UpdateTicker_pb2.Response.FromString(_push(name).body)
        s2c.security.CopyFrom(response.s2c.security)
        s2c.tickerList.extend(response.s2c.tickerList)
    return Reply(CONN_ID, 99, s2c)


def _spoilt(body: bytes) -> bytes:
    """Make the text of the first time in it that is 10:33:48 no text."""
    return body.replace(b"10:33:48", b"10:33:\xff\xff", 1)


def _sequences(sink: _Kept) -> list[tuple[int, str]]:
    fields = [sink.fields(index) for index in range(len(sink.records))]
    return [(one["sequence"] & 0xFFFF, one["provenance"]["origin"]) for one in fields]


def test_tick_that_opend_lists_and_did_not_push_is_produced_in_its_place(
    followed: tuple[Pipeline, _Kept],
) -> None:
    """A replay makes the pipeline wait for OpenD's list; what is missing goes before it."""
    pipeline, sink = followed
    pipeline.push(_push("ticker_cache_hk"))
    pipeline.push(_push("ticker_bydisconn_three"))
    assert sink.tracker.asks() == [HK]
    pipeline.repair(HK, _listed("ticker_cache_hk", "ticker_realtime_hk", "ticker_bydisconn_three"))
    assert _sequences(sink) == [
        (5867, "PUSH"), (5868, "REPAIR"), (5869, "PUSH"), (5870, "PUSH"), (5871, "PUSH"),
    ]  # fmt: skip
    assert [(gap.repaired, gap.missing) for gap in sink.gaps] == [(1, 0)]


def test_repaired_tick_says_which_answer_it_came_in(followed: tuple[Pipeline, _Kept]) -> None:
    """Its provenance is the reply's: connection, serial, and its place in the list."""
    pipeline, sink = followed
    pipeline.push(_push("ticker_cache_hk"))
    pipeline.push(_push("ticker_bydisconn_three"))
    sink.tracker.asks()
    pipeline.repair(HK, _listed("ticker_cache_hk", "ticker_realtime_hk", "ticker_bydisconn_three"))
    provenance = sink.fields(1)["provenance"]
    assert (provenance["conn_id"], provenance["push_serial"]) == (CONN_ID, 99)
    assert provenance["push_index"] == 1


def test_push_that_cannot_be_read_makes_every_ticker_ask(
    followed: tuple[Pipeline, _Kept],
) -> None:
    """Whose ticks were in it, nobody knows."""
    pipeline, sink = followed
    pipeline.push(Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 5, b"\xff"))
    assert sink.tracker.asks() == [HK]


def test_tick_among_the_dead_letters_is_not_missing(followed: tuple[Pipeline, _Kept]) -> None:
    """It has been accounted for: OpenD's list does not bring it back."""
    pipeline, sink = followed
    pipeline.push(_push("ticker_cache_hk"))
    push = _push("ticker_realtime_hk")
    pipeline.push(Push(push.conn_id, push.proto_id, push.serial, _spoilt(push.body)))
    pipeline.push(Push(CONN_ID, ProtoId.QOT_UPDATE_TICKER, 5, b"\xff"))
    sink.tracker.asks()
    pipeline.repair(HK, _listed("ticker_cache_hk", "ticker_realtime_hk"))
    assert _sequences(sink) == [(5867, "PUSH")]
    assert not sink.gaps


def test_listed_tick_that_cannot_be_mapped_is_a_dead_letter(
    followed: tuple[Pipeline, _Kept],
) -> None:
    """With the whole answer as its body."""
    pipeline, sink = followed
    pipeline.push(_push("ticker_cache_hk"))
    pipeline.push(_push("ticker_bydisconn_three"))
    sink.tracker.asks()
    reply = _listed("ticker_cache_hk", "ticker_realtime_hk", "ticker_bydisconn_three")
    spoilt = Qot_GetTicker_pb2.S2C.FromString(_spoilt(reply.s2c.SerializeToString()))
    pipeline.repair(HK, reply._replace(s2c=spoilt))
    assert _sequences(sink)[1] == (5869, "PUSH")
    (letter,) = sink.letters
    assert letter.push.proto_id == ProtoId.QOT_GET_TICKER


#: Field 2000, of value 1, after the tick's own: a newer OpenD's.
_NEWER = Push(
    CONN_ID, ProtoId.QOT_UPDATE_TICKER, 1, _push("ticker_realtime_hk").body + b"\x80\x7d\x01"
)


@pytest.mark.parametrize("kept", [False, True])
def test_push_with_unknown_fields_becomes_its_records(kept: bool) -> None:
    """What is known of it lands as ever; the whole push is a dead letter where that is wanted."""
    pipeline, sink, metrics = _pipeline(
        ("HK.00700", Subtype.TICKER), followed=True, keep_unknown_fields=kept
    )
    pipeline.push(_NEWER)
    assert [one["sequence"] for one in map(sink.fields, range(len(sink.records)))] == [
        6977554167720056556
    ]
    expected = [("unknown_fields", _NEWER, ())] if kept else []
    assert [(one.reason, one.push, one.push_indexes) for one in sink.letters] == expected
    assert _rejected(metrics, "unknown_fields") == len(expected)
    assert not sink.gaps


def test_unknown_fields_are_counted_each_time_and_logged_once() -> None:
    """One line a message names them; the metric goes on."""
    pipeline, _, metrics = _pipeline(("HK.00700", Subtype.TICKER))
    with capture_logs() as logged:
        pipeline.push(_NEWER)
        pipeline.push(_NEWER)
    (line,) = logged
    assert (line["event"], line["message"], line["fields"]) == (
        "unknown_fields",
        "Qot_UpdateTicker",
        ("2000",),
    )
    labels = {"message": "Qot_UpdateTicker"}
    assert metrics.registry.get_sample_value("opend_kafka_unknown_fields_total", labels) == 2


def test_push_of_two_quotes_is_a_record_a_security() -> None:
    """Each goes to its own topic; one that nobody wants is a dead letter of its own."""
    body = vector("basic_qot_two_securities").body
    push = Push(CONN_ID, ProtoId.QOT_UPDATE_BASIC_QOT, 1, body)
    pipeline, sink, _ = _pipeline(("HK.00700", Subtype.QUOTE), ("US.AAPL", Subtype.QUOTE))
    pipeline.push(push)
    assert [route.topic for route, _, _ in sink.records] == [
        "opend.quote.HK.00700",
        "opend.quote.US.AAPL",
    ]
    pipeline, sink, _ = _pipeline(("US.AAPL", Subtype.QUOTE))
    pipeline.push(push)
    (letter,) = sink.letters
    assert (letter.reason, letter.code, letter.push_indexes) == ("not_subscribed", "00700", (0,))
    assert [route.topic for route, _, _ in sink.records] == ["opend.quote.US.AAPL"]


def test_k_line_goes_to_the_topic_of_its_period() -> None:
    """Its klType decides, not the order or number of the subscriptions."""
    wanted = [("HK.00700", one) for one in Subtype if one.is_k_line]
    pipeline, sink, _ = _pipeline(*wanted)
    pipeline.push(Push(CONN_ID, ProtoId.QOT_UPDATE_KL, 1, vector("kl_1min").body))
    assert [route.topic for route, _, _ in sink.records] == ["opend.k-1m.HK.00700"]
