"""The official SDK as the judge of the simulator: what it receives is what was sent.

The SDK is threaded: a network thread, and one thread a context that calls the handlers. The
simulator runs on the test's event loop; the SDK's blocking calls run in worker threads.
"""

from __future__ import annotations

import asyncio
import queue
import signal
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from opend_kafka.opend.ciphers import Rsa, load_rsa_key
from opend_kafka.opend.pb.Qot_Common_pb2 import OrderBook, Ticker
from opend_kafka.opend.pb.Qot_UpdateOrderBook_pb2 import S2C as BookMessage  # noqa: N811 - its use
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.simulator import Market, Simulator

# The SDK never closes the key file that it reads.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:Exception ignored in.*key\.pem:pytest.PytestUnraisableExceptionWarning"
)

CODES = ["HK.00700", "HK.09988", "US.AAPL", "SH.600519"]
QUOTA = 10
PATIENCE_S = 20

#: The SDK's own names for the numbers that the simulator sends.
DIRECTIONS = {1: "BUY", 2: "SELL", 3: "NEUTRAL"}
TYPES = {1: "AUTO_MATCH", 5: "INTER_NON_AUTO_MATCH", 6: "ODD_LOT"}
PUSH_DATA_TYPES = {1: "REALTIME", 3: "CACHE"}


@pytest.fixture(scope="module")
def futu(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Import the SDK, and undo what that does to the process.

    Importing it opens a log file under $HOME, prints its log to stdout, and takes SIGINT for a
    handler that calls `os._exit`. Its network thread is a daemon that nothing can stop: it is
    started here, once, and its Thread.setDaemon warns of being deprecated.
    """
    interrupt = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patched.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        import futu
        from futu.common.network_manager import NetManager

        NetManager.default()
    signal.signal(signal.SIGINT, interrupt)
    log = futu.common.ft_logger.logger
    log.enable_console_log(False)
    log.file_logger.removeHandler(log.fileHandler)
    log.fileHandler.close()
    return futu


class Record:
    """What the simulator says it sent, to all connections together."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.ticks: dict[str, list[Ticker]] = {code: [] for code in CODES}
        self.books: dict[str, list[BookMessage]] = {code: [] for code in CODES}
        self.states: list[Any] = []

    def on_sent(self, _conn_id: int, security: Security, ticks: Sequence[Ticker]) -> None:
        """Note ticks."""
        self.ticks[str(security)].extend(ticks)

    def on_book_sent(self, _conn_id: int, security: Security, book: BookMessage) -> None:
        """Note a book."""
        self.books[str(security)].append(book)

    def on_state_sent(self, _conn_id: int, s2c: Any) -> None:
        """Note what is neither."""
        self.states.append(s2c)


@pytest.fixture
def record() -> Record:
    """What `simulator` says it sent."""
    return Record()


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def key_file(request: pytest.FixtureRequest, only_key_file: Path) -> Path | None:
    """The RSA key file that both sides hold, or none: every test runs both ways."""
    return only_key_file if request.param else None


@pytest.fixture(scope="module")
def only_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An RSA key. The SDK keeps to the first one that it was given."""
    # The SDK can use no other size: it cuts its chunks for 1024 bits.
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - see above
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return path


@pytest.fixture
async def simulator(record: Record, key_file: Path | None) -> AsyncIterator[Simulator]:
    """A simulator whose time the test moves."""
    market = Market(
        [Security.parse(code) for code in CODES],
        # The SDK keeps connection ids, and whether they encrypt, for the life of the process.
        seed=2 if key_file else 1,
        rate=1_000,
        start_us=1_700_000_000_000_000,
    )
    async with Simulator(
        market,
        pace=False,
        quota=QUOTA,
        rsa=Rsa(load_rsa_key(key_file.read_bytes())) if key_file else None,
        on_sent=record.on_sent,
        on_book_sent=record.on_book_sent,
        on_state_sent=record.on_state_sent,
    ) as simulator:
        yield simulator


class Sdk:
    """One context of the SDK, with its blocking calls made awaitable."""

    def __init__(self, futu: Any, context: Any) -> None:
        """Use an open context."""
        self._futu = futu
        self._context = context
        self.pushed: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._listen("tick", futu.TickerHandlerBase)
        self._listen("book", futu.OrderBookHandlerBase)
        self._listen("quote", futu.StockQuoteHandlerBase)
        self._listen("k-line", futu.CurKlineHandlerBase)
        self._listen("rt-data", futu.RTDataHandlerBase)
        self._listen("broker", futu.BrokerHandlerBase)

    async def call(self, method: str, *args: Any, **options: Any) -> tuple[bool, Any]:
        """Call a method of the context; give whether it says RET_OK, and what else it says."""
        code, data = await asyncio.to_thread(getattr(self._context, method), *args, **options)
        return code == self._futu.RET_OK, data

    async def received(self, count: int) -> list[tuple[str, Any]]:
        """Wait for pushes; give the kind of each, and what the handler was given."""
        return [await asyncio.to_thread(self.pushed.get, timeout=PATIENCE_S) for _ in range(count)]

    def _listen(self, kind: str, base: Any) -> None:
        """Set a handler that queues what the SDK's own parsing returns."""

        def on_recv_rsp(handler: Any, rsp_pb: Any) -> Any:
            result = base.on_recv_rsp(handler, rsp_pb)
            # Of brokers it gives both queues behind the code.
            self.pushed.put((kind, result[-1]))
            return result

        handler = type("Handler", (base,), {"on_recv_rsp": on_recv_rsp})()
        assert self._context.set_handler(handler) == self._futu.RET_OK


@pytest.fixture
async def connect(
    futu: Any, simulator: Simulator, key_file: Path | None
) -> AsyncIterator[Callable[[], Any]]:
    """Connect contexts of the SDK, and close them so that none of their threads is left."""
    threads = set(threading.enumerate())
    contexts: list[Any] = []

    async def connect() -> Sdk:
        # With a file set, the SDK encrypts InitConnect, whatever `is_encrypt` says.
        futu.SysConfig.INIT_RSA_FILE = str(key_file or "")
        context = await asyncio.to_thread(
            futu.OpenQuoteContext, "127.0.0.1", simulator.port, is_encrypt=key_file is not None
        )
        contexts.append(context)
        return Sdk(futu, context)

    yield connect
    for context in contexts:
        await asyncio.to_thread(context.close)
    for thread in set(threading.enumerate()) - threads:
        if not thread.name.startswith("asyncio_"):
            await asyncio.to_thread(thread.join, PATIENCE_S)
            assert not thread.is_alive(), f"{thread} is left behind"


@pytest.fixture
async def sdk(connect: Callable[[], Any]) -> Sdk:
    """One context."""
    context: Sdk = await connect()
    return context


def row(code: str, tick: Ticker) -> dict[str, Any]:
    """Give a tick as the SDK shows it in a DataFrame."""
    return {
        "code": code,
        "name": code,
        "time": tick.time,
        "price": tick.price,
        "volume": tick.volume,
        "turnover": tick.turnover,
        "ticker_direction": DIRECTIONS[tick.dir],
        "sequence": tick.sequence,
        "type": TYPES[tick.type],
        "push_data_type": PUSH_DATA_TYPES[tick.pushDataType],
    }


def level(level: OrderBook) -> tuple[float, int, int, dict[int, int]]:
    """Give a level of a book as the SDK shows it."""
    details = {order.orderID: order.volume for order in level.detailList}
    return level.price, level.volume, level.orederCount, details


def shown(code: str, book: BookMessage) -> dict[str, Any]:
    """Give a book as the SDK shows it."""
    return {
        "code": code,
        "name": code,
        "svr_recv_time_bid": book.svrRecvTimeBid,
        "svr_recv_time_ask": book.svrRecvTimeAsk,
        "Bid": [level(one) for one in book.orderBookBidList],
        "Ask": [level(one) for one in book.orderBookAskList],
        **({"order_book_type": "ODD"} if book.orderBookType == 1 else {}),
    }


async def test_sdk_receives_the_ticks_that_were_sent(
    sdk: Sdk, simulator: Simulator, record: Record
) -> None:
    """Every tick of a run arrives, cached ones first, in order, value for value."""
    assert await sdk.call("subscribe", CODES, ["TICKER"]) == (True, None)
    await simulator.drive(2_000)
    rows: dict[str, list[dict[str, Any]]] = {code: [] for code in CODES}
    for _, frame in await sdk.received(len(CODES) + 2_000):
        for received in frame.to_dict("records"):
            rows[received["code"]].append(received)
    sent = {code: [row(code, tick) for tick in record.ticks[code]] for code in CODES}
    assert rows == sent
    assert {one["type"] for one in rows["HK.00700"]} == set(TYPES.values())


@pytest.mark.parametrize(
    ("subtype", "detailed"),
    [("ORDER_BOOK", False), ("ORDER_BOOK", True), ("ORDER_BOOK_ODD", False)],
)
async def test_sdk_receives_the_books_that_were_sent(
    sdk: Sdk, simulator: Simulator, record: Record, subtype: str, detailed: bool
) -> None:
    """Every book of a run arrives, the cached one first, level for level, order for order."""
    options = {"is_detailed_orderbook": detailed}
    assert await sdk.call("subscribe", CODES, [subtype], **options) == (True, None)
    await simulator.drive(1_000)
    books: dict[str, list[dict[str, Any]]] = {code: [] for code in CODES}
    for _, book in await sdk.received(sum(len(sent) for sent in record.books.values())):
        books[book["code"]].append(book)
    assert books == {code: [shown(code, book) for book in record.books[code]] for code in CODES}
    assert min(len(received) for received in books.values()) >= 10


async def states_received(
    sdk: Sdk, simulator: Simulator, record: Record, *subtypes: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Subscribe, let some trade, and give the pushes that come: the kind, and the SDK's rows."""
    assert await sdk.call("subscribe", CODES[:3], list(subtypes)) == (True, None)
    await simulator.drive(300)
    return [
        (kind, [row for one in _frames(frame) for row in one.to_dict("records")])
        for kind, frame in await sdk.received(len(record.states))
    ]


def _frames(frame: Any) -> list[Any]:
    return frame if isinstance(frame, list) else [frame]


def columns(shown: dict[str, Any], *names: str) -> list[Any]:
    """Give some columns of a row of the SDK's."""
    return [shown[name] for name in names]


def code_of(message: Any) -> str:
    """Give a security as the SDK writes it."""
    return str(Security(market_name(message.security.market), message.security.code))


async def test_sdk_receives_the_quotes_that_were_sent(
    sdk: Sdk, simulator: Simulator, record: Record
) -> None:
    """Every quote arrives, all securities of a push together, value for value."""
    pushed = await states_received(sdk, simulator, record, "QUOTE")
    names = ("code", "data_time", "last_price", "high_price", "low_price", "turnover")
    assert [[columns(row, *names) for row in rows] for _, rows in pushed] == [
        [
            [
                *(code_of(quote), quote.updateTime.split()[1], quote.curPrice),
                *(quote.highPrice, quote.lowPrice, quote.turnover),
            ]
            for quote in s2c.basicQotList
        ]
        for s2c in record.states
    ]
    assert {len(rows) for _, rows in pushed} >= {1, 3}
    assert {row["sec_status"] for _, rows in pushed for row in rows} == {"NORMAL"}


#: Every K-line there is, by the SDK's names.
PERIODS = (
    *("K_1M", "K_3M", "K_5M", "K_10M", "K_15M", "K_30M", "K_60M", "K_120M", "K_180M", "K_240M"),
    *("K_DAY", "K_WEEK", "K_MON", "K_QUARTER", "K_YEAR"),
)


@pytest.mark.parametrize(
    "periods", [PERIODS[:3], PERIODS[3:6], PERIODS[6:9], PERIODS[9:12], PERIODS[12:]]
)
async def test_sdk_receives_the_k_lines_that_were_sent(
    sdk: Sdk, simulator: Simulator, record: Record, periods: tuple[str, ...]
) -> None:
    """K-lines of every period arrive, value for value, and the SDK knows their periods."""
    pushed = await states_received(sdk, simulator, record, *periods)
    names = ("code", "time_key", "open", "close", "high", "low", "volume", "turnover")
    assert [[columns(row, *names) for row in rows] for _, rows in pushed] == [
        [
            [
                *(code_of(s2c), line.time, line.openPrice, line.closePrice),
                *(line.highPrice, line.lowPrice, line.volume, line.turnover),
            ]
            for line in s2c.klList
        ]
        for s2c in record.states
    ]
    assert {row["k_type"] for _, rows in pushed for row in rows} == set(periods)


async def test_sdk_receives_the_intraday_line_that_was_sent(
    sdk: Sdk, simulator: Simulator, record: Record
) -> None:
    """Every point arrives, value for value."""
    pushed = await states_received(sdk, simulator, record, "RT_DATA")
    names = ("code", "time", "opened_mins", "cur_price", "avg_price", "volume", "turnover")
    assert [[columns(row, *names) for row in rows] for _, rows in pushed] == [
        [
            [
                *(code_of(s2c), point.time, point.minute, point.price),
                *(point.avgPrice, point.volume, point.turnover),
            ]
            for point in s2c.rtList
        ]
        for s2c in record.states
    ]
    assert len(pushed) > 10


async def test_sdk_receives_the_brokers_that_were_sent(
    sdk: Sdk, simulator: Simulator, record: Record
) -> None:
    """Both queues of every push arrive, bids first, as the SDK shows them."""
    pushed = await states_received(sdk, simulator, record, "BROKER")
    shown = [
        [
            [row["code"], row[f"{side}_broker_id"], row[f"{side}_broker_pos"]]
            for row in rows
            for side in ("bid", "ask")
            if f"{side}_broker_id" in row
        ]
        for _, rows in pushed
    ]
    assert shown == [
        [
            [code_of(s2c), broker.id, broker.pos]
            for broker in (*s2c.brokerBidList, *s2c.brokerAskList)
        ]
        for s2c in record.states
    ]
    assert len(pushed) > 10


async def test_sdk_is_not_pushed_what_it_declines(
    sdk: Sdk, simulator: Simulator, record: Record
) -> None:
    """Without pushes a subscription is held, and nothing is sent."""
    await sdk.call("subscribe", CODES, ["TICKER"], subscribe_push=False)
    await simulator.drive(100)
    assert not any(record.ticks.values())


async def test_sdk_can_decline_the_first_push(
    sdk: Sdk, simulator: Simulator, record: Record
) -> None:
    """With is_first_push=False only new ticks are sent."""
    await sdk.call("subscribe", CODES, ["TICKER"], is_first_push=False)
    await simulator.drive(100)
    assert {tick.pushDataType for ticks in record.ticks.values() for tick in ticks} == {1}


async def test_sdk_sees_an_opend_that_is_ready(sdk: Sdk) -> None:
    """`get_global_state` shows the quote server logged in and the program ready."""
    done, state = await sdk.call("get_global_state")
    assert done
    assert (state["qot_logined"], state["program_status_type"], state["timestamp"]) == (
        True,
        "READY",
        "1700000000",
    )


async def test_sdk_sees_its_subscriptions(sdk: Sdk, connect: Callable[[], Any]) -> None:
    """`query_subscription` lists codes by subtype, with the quota; others' count only in total."""
    other: Sdk = await connect()
    await other.call("subscribe", ["HK.00700", "US.AAPL"], ["TICKER"])
    await sdk.call("subscribe", ["HK.00700"], ["TICKER", "ORDER_BOOK"])
    done, own = await sdk.call("query_subscription", is_all_conn=False)
    assert done
    assert own["sub_list"] == {"TICKER": ["HK.00700"], "ORDER_BOOK": ["HK.00700"]}
    assert (own["own_used"], own["total_used"], own["remain"]) == (2, 3, QUOTA - 3)
    _, everyone = await sdk.call("query_subscription", is_all_conn=True)
    assert everyone["sub_list"]["TICKER"] == ["HK.00700", "US.AAPL"]


async def test_sdk_is_refused_an_unknown_code(sdk: Sdk) -> None:
    """One bad code fails the whole request, by name, and nothing of it is subscribed."""
    assert await sdk.call("subscribe", ["HK.00700", "HK.99999"], ["TICKER"]) == (
        False,
        "unknown stock HK.99999",
    )
    assert (await sdk.call("query_subscription"))[1]["total_used"] == 0


async def test_sdk_is_refused_beyond_the_quota(sdk: Sdk) -> None:
    """A request that the quota does not cover fails as a whole."""
    subtypes = ["TICKER", "ORDER_BOOK", "ORDER_BOOK_ODD"]
    done, reason = await sdk.call("subscribe", CODES, subtypes)
    assert (done, reason) == (False, "subscription quota exceeded: 12 needed, the limit is 10")
    assert (await sdk.call("query_subscription"))[1]["remain"] == QUOTA


@pytest.mark.parametrize("everything", [False, True])
async def test_sdk_unsubscribes(
    sdk: Sdk, simulator: Simulator, record: Record, everything: bool
) -> None:
    """After unsubscribing, by code or altogether, nothing is sent and no quota is used."""
    await sdk.call("subscribe", CODES, ["TICKER"], is_first_push=False)
    codes = (None, None) if everything else (CODES, ["TICKER"])
    assert await sdk.call("unsubscribe", *codes, unsubscribe_all=everything) == (True, None)
    await simulator.drive(100)
    assert not any(record.ticks.values())
    assert (await sdk.call("query_subscription"))[1]["total_used"] == 0


async def test_sdk_gets_the_latest_ticks(sdk: Sdk, simulator: Simulator) -> None:
    """`get_rt_ticker` gives the last ticks of a subscribed security, oldest first."""
    await sdk.call("subscribe", ["US.AAPL"], ["TICKER"])
    await simulator.drive(200)
    done, frame = await sdk.call("get_rt_ticker", "US.AAPL", 20)
    assert done
    expected = [
        row("US.AAPL", tick) for tick in simulator.market.stock(Security("US", "AAPL")).latest(20)
    ]
    for one in expected:
        del one["push_data_type"]
    assert frame.to_dict("records") == expected


async def test_sdk_is_refused_ticks_without_a_subscription(sdk: Sdk) -> None:
    """`get_rt_ticker` of what is not subscribed fails."""
    done, reason = await sdk.call("get_rt_ticker", "US.AAPL", 20)
    assert not done
    assert "subscribe US.AAPL" in reason


async def test_sdk_is_refused_what_is_not_simulated(sdk: Sdk) -> None:
    """A request that the simulator does not know fails at once, and not by a time-out."""
    done, reason = await sdk.call("get_market_snapshot", ["HK.00700"])
    assert not done
    assert "unknown protocol: proto_id 3203" in reason
