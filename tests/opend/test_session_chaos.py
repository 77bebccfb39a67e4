"""Everything at once: the session bears any order of events."""

from __future__ import annotations

from contextlib import suppress

from google.protobuf.json_format import ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st

from opend_kafka.errors import (
    OpenDError,
)
from opend_kafka.opend.frames import Frame, encode
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Notify_pb2
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.session import CHECK_INTERVAL_S, STATE_INTERVAL_S, Session
from tests.opend.conversation import (
    ASK_SUB_INFO,
    TICK,
    TICKER,
    accepted,
    checking,
    global_state,
    opened,
    refused,
    reply,
    sent,
    subscribing,
    take,
    tick,
    wanted_of,
)


class Chaos:
    """Drives a session through random moves and judges it after each.

    The worst that may happen is an `OpenDError`, after which the session is over.
    """

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.now = 0.0
        self.reconciler = Reconciler(wanted_of(data.draw(st.integers(0, 3))))
        self.session = Session(self.reconciler)
        self.session.open(self.now)
        self.open_requests: list[Frame] = []

    def run(self) -> None:
        """Make some moves."""
        moves = [
            self.answer,
            self.refuse,
            self.spoil_answer,
            self.push,
            self.notify,
            self.wait,
            self.ask,
            self.wish,
            self.resubscribe,
        ]
        for move in self.data.draw(st.lists(st.sampled_from(moves), max_size=25)):
            self.open_requests += sent(self.session)
            move()
            assert self.session.next_deadline() < float("inf"), "nobody would ever call again"

    def answer(self) -> None:
        """Answer a request as an OpenD in a random state does."""
        ready = self.data.draw(st.booleans())
        request = self._request()
        if request is None:
            return
        if request.proto_id == ProtoId.GET_GLOBAL_STATE:
            self._give(reply(request, global_state(qot_logined=ready)))
        else:
            self._give(accepted(request))

    def refuse(self) -> None:
        """Refuse a request."""
        request = self._request()
        if request is not None:
            self._give(reply(request, refused(request)))

    def spoil_answer(self) -> None:
        """Answer with a good checksum around any bytes."""
        request = self._request()
        body = self.data.draw(st.binary(max_size=20))
        if request is not None:
            self._give(encode(Frame(request.proto_id, request.serial, body)))

    def push(self) -> None:
        """Send a frame of any kind that nobody asked for, perhaps damaged."""
        proto_id = self.data.draw(st.sampled_from([*ProtoId, 0, 9999]))
        serial = self.data.draw(st.integers(0, 20))
        body = self.data.draw(st.sampled_from([TICK.body, b"\x08\x00"]) | st.binary(max_size=20))
        frame = bytearray(encode(Frame(proto_id, serial, body)))
        if self.data.draw(st.booleans()):
            frame[20] ^= 1  # in the SHA-1
        self._give(bytes(frame))

    def notify(self) -> None:
        """Tell what happens to OpenD: the login goes and comes, rights change, and so on."""
        s2c = self.data.draw(
            st.sampled_from(
                [
                    {"type": 1, "event": {"eventType": 7, "desc": "elsewhere"}},
                    {"type": 3, "connectStatus": {"qotLogined": False, "trdLogined": True}},
                    {"type": 3, "connectStatus": {"qotLogined": True, "trdLogined": True}},
                    {"type": 4, "qotRight": {"hkQotRight": 1, "usQotRight": 1, "cnQotRight": 1}},
                    {"type": 2, "programStatus": {"programStatus": {"type": 11}}},
                    {"type": 99},
                ]
            )
        )
        notice = ParseDict({"retType": 0, "s2c": s2c}, Notify_pb2.Response())
        self._give(encode(Frame(ProtoId.NOTIFY, 0, notice.SerializeToString())))

    def wish(self) -> None:
        """Want something else, as after a hangup."""
        self.reconciler.want(wanted_of(self.data.draw(st.integers(0, 3))), self.now)

    def resubscribe(self) -> None:
        """Find some that stand stale."""
        self.reconciler.resubscribe(wanted_of(self.data.draw(st.integers(0, 3))), self.now)

    def wait(self) -> None:
        """Let time pass, in which the driver may hold back from the socket."""
        self.now += self.data.draw(
            st.sampled_from([0, 0.5, CHECK_INTERVAL_S, 8, 11, STATE_INTERVAL_S])
        )
        self._tick(reading=self.data.draw(st.booleans()))

    def ask(self) -> None:
        """Ask from outside."""
        self.session.request(ASK_SUB_INFO, self.now)

    def _request(self) -> Frame | None:
        if not self.open_requests:
            return None
        at = self.data.draw(st.integers(0, len(self.open_requests) - 1))
        return self.open_requests.pop(at)

    def _give(self, data: bytes) -> None:
        cut = self.data.draw(st.integers(0, len(data)))
        take(self.session, data[:cut], self.now)
        self._tick()
        take(self.session, data[cut:], self.now)

    def _tick(self, *, reading: bool = True) -> None:
        tick(self.session, self.now, reading=reading)
        assert self.session.next_deadline() > self.now, "the driver would spin"


@settings(max_examples=300)
@given(st.data())
def test_any_order_of_events_ends_in_opend_error_or_goes_on(data: st.DataObject) -> None:
    """Whatever comes whenever, only OpenDErrors are raised and a deadline ahead is always set."""
    chaos = Chaos(data)
    with suppress(OpenDError):
        chaos.run()


@settings(max_examples=200)
@given(st.binary(max_size=400), st.data())
def test_any_bytes_end_in_opend_error_or_go_on(noise: bytes, data: st.DataObject) -> None:
    """Whatever bytes come, after whichever state, only OpenDErrors are raised."""
    state = data.draw(st.sampled_from([opened, checking, subscribing]))
    session, _ = state(TICKER)
    with suppress(OpenDError):
        take(session, noise)
        session.end()
