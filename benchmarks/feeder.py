"""An OpenD that limits nobody: after a real handshake it sends pushes that are encoded already.

Requests are answered by the simulator's own desk. Ticks leave as fast as they are taken (`blast`),
or at a rate (`pace`), and then the time at which each was due and handed to the socket is noted.
A process of its own: orders come as JSON lines, see `main`.
"""

from __future__ import annotations

import select
import socket
import time
from array import array
from collections import deque
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.children import Parent, Said
from benchmarks.load import Load, Prepared, Shape, market, now_us
from opend_kafka.opend.frames import FrameReader, encode
from opend_kafka.simulator.desk import Desk, Visitor
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.subscriptions import Subscriptions

#: Bytes handed to the socket at once: replies go between two of them.
_CHUNK = 64 * 1024

#: Seconds between two looks at what is due in a long stream.
_STREAM_TURN_S = 0.001

_QUOTA = 10_000
_KEEP_ALIVE_S = 10


def main() -> None:
    """Serve one worker. Orders: `listen`, `prepare`, `blast`, `pace`, `stream`."""
    parent = Parent()
    order = parent.next_order()
    feeder = Feeder(parent, Shape(**order["shape"]))
    parent.say(port=feeder.port)
    try:
        while True:
            feeder.serve()
            for order in parent.orders():
                feeder.obey(order)
    except EOFError:
        pass


class Feeder:
    """One listening port, one connection of a worker, and what it is sent."""

    def __init__(self, parent: Parent, shape: Shape) -> None:
        self._parent = parent
        self._shape = shape
        self._start_us = now_us()
        self._load = Load(shape, self._start_us)
        self._securities = shape.securities
        self._batches: deque[list[Prepared]] = deque()
        self._desk, self._visitor = _desk(shape, self._start_us)
        self._reader = FrameReader()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._socket: socket.socket | None = None
        self._outgoing: deque[memoryview] = deque()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listening.getsockname()[1]
        return port

    def obey(self, order: Said) -> None:
        """Do as told, and say so."""
        match order["order"]:
            case "prepare":
                self._batches.append(self._load.take(order["records"]))
                self._parent.say(**_sizes(self._batches[-1], self._securities))
            case "blast":
                self._parent.say(**self._blast(self._batches.popleft()))
            case "pace":
                self._parent.say(
                    **self._pace(self._batches.popleft(), order["rate"], Path(order["times"]))
                )

            case "stream":
                self._stream(order["rate"], order["records"])
                self._parent.say()

    def serve(self) -> None:
        """Wait for an order; answer the worker's requests meanwhile."""
        while True:
            source = (self._socket or self._listening).fileno()
            writing = [source] if self._outgoing else []
            readable, _, _ = select.select([self._parent.fileno(), source], writing, [])
            if source in readable:
                self._receive()
            self._send()
            if self._parent.fileno() in readable:
                return

    def _receive(self) -> None:
        if self._socket is None:
            self._socket, _ = self._listening.accept()
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            self._disconnected()
            return
        for frame in self._reader.receive(data):
            reply = memoryview(encode(self._desk.answer(self._visitor, frame).reply))
            # Behind the packet that may be half sent, before the ticks that wait.
            self._outgoing.insert(1 if self._outgoing else 0, reply)

    def _disconnected(self) -> None:
        """Be there for another connection: the worker has ended, or it waited for too long."""
        self._socket = None
        self._outgoing.clear()
        self._reader = FrameReader()
        self._desk, self._visitor = _desk(self._shape, self._start_us)

    def _send(self) -> None:
        while self._outgoing and self._socket is not None:
            head = self._outgoing[0]
            try:
                sent = self._socket.send(head)
            except BlockingIOError:
                return
            except ConnectionError:
                self._disconnected()
                return
            if sent < len(head):
                self._outgoing[0] = head[sent:]
                return
            self._outgoing.popleft()

    def _turn(self, limit_s: float | None) -> None:
        """Send what can be sent, answer what is asked, or wait for so long."""
        if self._socket is None:
            self._outgoing.clear()
            return
        writing = [self._socket] if self._outgoing else []
        readable, _, _ = select.select([self._socket], writing, [], limit_s)
        if readable:
            self._receive()
        self._send()

    def _blast(self, batch: list[Prepared]) -> dict[str, Any]:
        begun = time.monotonic_ns()
        self._outgoing.extend(_chunks(batch))
        while self._outgoing:
            self._turn(None)
        return {"wall_ns": time.monotonic_ns() - begun}

    def _pace(self, batch: list[Prepared], rate: float, times: Path) -> dict[str, Any]:
        """Send at so many records a second; write when each was handed over, by place.

        A push that finds the socket full keeps the time at which it was due: what a slow worker
        makes wait, waits on the worker's account.
        """
        places = _places(batch, self._securities)
        stamps = array("q", [0]) * sum(push.records for push in batch)
        behind_ns = self._send_in_time(batch, places, stamps, 1e9 / rate)
        while self._outgoing:
            self._turn(None)
        times.write_bytes(stamps.tobytes())
        return {"worst_lag_ms": behind_ns / 1e6}

    def _stream(self, rate: float, records: int) -> None:
        """Send at so many records a second, each encoded when it is due: for hours, if need be."""
        begun, sent = time.monotonic_ns(), 0
        while sent < records or self._outgoing:
            due = min(records, int((time.monotonic_ns() - begun) * rate / 1e9) + 1)
            for push in self._load.take(due - sent):
                self._outgoing.append(memoryview(push.frame))
                sent += push.records
            self._send()
            self._turn(_STREAM_TURN_S)

    def _send_in_time(
        self, batch: list[Prepared], places: list[int], stamps: array[int], interval_ns: float
    ) -> float:
        begun, number, due_ns, worst_ns = time.monotonic_ns(), 0, 0.0, 0.0
        while number < len(batch):
            now = time.monotonic_ns()
            worst_ns = max(worst_ns, now - begun - due_ns)
            while number < len(batch) and due_ns <= now - begun:
                push = batch[number]
                for place in range(places[number], places[number] + push.records):
                    stamps[place] = now
                self._outgoing.append(memoryview(push.frame))
                due_ns += interval_ns * push.records
                number += 1
            self._send()
            self._turn(max(0.0, (begun + due_ns - time.monotonic_ns()) / 1e9))
        return worst_ns


def _desk(shape: Shape, start_us: int) -> tuple[Desk, Visitor]:
    """Make the simulator's desk: its market stands still, so OpenD's list never has news."""
    standing, subscriptions = market(shape, start_us), Subscriptions(_QUOTA)
    publisher = Publisher(standing, subscriptions, ticks_per_push=1, book_interval_us=100_000)
    desk = Desk(
        standing, subscriptions, publisher, login_user_id=1, keep_alive_interval_s=_KEEP_ALIVE_S
    )
    return desk, desk.open()


def _sizes(batch: list[Prepared], securities: int) -> dict[str, Any]:
    counts = [0] * securities
    for push in batch:
        counts[push.security] += push.records
    size = sum(len(push.frame) for push in batch)
    return {"records": sum(counts), "pushes": len(batch), "bytes": size, "by_security": counts}


def _places(batch: list[Prepared], securities: int) -> list[int]:
    """Give each push its place: records lie by security, and within one in their order."""
    counts = _sizes(batch, securities)["by_security"]
    following = [0, *accumulate(counts)][:-1]
    places = []
    for push in batch:
        places.append(following[push.security])
        following[push.security] += push.records
    return places


def _chunks(batch: list[Prepared]) -> list[memoryview]:
    chunks, chunk, size = [], [], 0
    for push in batch:
        chunk.append(push.frame)
        size += len(push.frame)
        if size >= _CHUNK:
            chunks.append(memoryview(b"".join(chunk)))
            chunk, size = [], 0
    return [*chunks, memoryview(b"".join(chunk))]


if __name__ == "__main__":
    main()
