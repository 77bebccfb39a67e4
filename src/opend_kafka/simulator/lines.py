"""Lines between a connection and the network that do to its frames what networks do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import NamedTuple, Protocol

from opend_kafka.simulator.agenda import Agenda
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push

#: Bytes. A split frame's pieces are no longer.
LONGEST_PIECE = 120


class Packet(NamedTuple):
    """Bytes for the network, and the push that is sent when they are."""

    data: bytes
    push: Push | None


class Outlet(Protocol):
    """The network's side of a connection."""

    def hand_over(self, *packets: Packet) -> None:
        """Write at once, and tell of the pushes."""

    def reset(self) -> None:
        """End with a TCP RST."""


class Line:
    """Takes a connection's frames for a while. This one keeps them, until `end`."""

    #: True: nothing can replace it, the connection ends with it.
    final = False

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._held: deque[Packet] = deque()

    @property
    def held_bytes(self) -> int:
        """What waits here."""
        return sum(len(packet.data) for packet in self._held)

    @property
    def busy(self) -> bool:
        """Whether it will be empty after some turns of the event loop, without anyone's doing."""
        return False

    def take(self, packet: Packet) -> None:
        """Take a frame."""
        self._held.append(packet)

    def end(self) -> None:
        """Pass on what is held."""
        if self._held:
            packets = tuple(self._held)
            self._held.clear()
            self._outlet.hand_over(*packets)


class MergingLine(Line):
    """Passes frames on by the dozen."""

    def __init__(self, outlet: Outlet, frames: int) -> None:
        super().__init__(outlet)
        self._frames = frames

    def take(self, packet: Packet) -> None:
        """Take a frame; pass all on when they are enough."""
        super().take(packet)
        if len(self._held) >= self._frames:
            self.end()


class DelayingLine(Line):
    """Passes each frame on a while later, by the market's time."""

    def __init__(self, outlet: Outlet, agenda: Agenda, market: Market, by_us: int) -> None:
        super().__init__(outlet)
        self._agenda = agenda
        self._market = market
        self._by_us = by_us

    def take(self, packet: Packet) -> None:
        """Take a frame, and enter when it goes on."""
        super().take(packet)
        self._agenda.at(self._market.now_us + self._by_us, self._release)

    def _release(self) -> None:
        if self._held:
            self._outlet.hand_over(self._held.popleft())


class SplittingLine(Line):
    """Passes on pieces, one or two a turn of the event loop: so that they arrive as such."""

    def __init__(self, outlet: Outlet, random: Random) -> None:
        super().__init__(outlet)
        self._random = random
        self._scheduled = False

    @property
    def busy(self) -> bool:
        """Whether pieces wait."""
        return bool(self._held)

    def take(self, packet: Packet) -> None:
        """Cut a frame."""
        self._held.extend(_pieces(packet, self._random))
        self._schedule()

    def _schedule(self) -> None:
        if self._held and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._scheduled = False
        together = 1 + int(self._random.random() * 2)
        pieces = [self._held.popleft() for _ in range(min(together, len(self._held)))]
        if pieces:
            self._outlet.hand_over(*pieces)
        self._schedule()


class CuttingLine(Line):
    """Passes on a part of one frame, and resets."""

    final = True

    def __init__(self, outlet: Outlet, random: Random) -> None:
        super().__init__(outlet)
        self._random = random

    def take(self, packet: Packet) -> None:
        """Send some bytes of a frame, at least one, never all."""
        length = 1 + int(self._random.random() * (len(packet.data) - 1))
        self._outlet.hand_over(Packet(packet.data[:length], None))
        self._outlet.reset()


class DeadLine(Line):
    """Passes nothing on, ever."""

    final = True

    def take(self, packet: Packet) -> None:
        """Lose a frame."""


def _pieces(packet: Packet, random: Random) -> Iterator[Packet]:
    """Cut a packet; its push goes with the last piece."""
    data, start = packet.data, 0
    while start < len(data):
        end = min(len(data), start + 1 + int(random.random() * LONGEST_PIECE))
        yield Packet(data[start:end], packet.push if end == len(data) else None)
        start = end
