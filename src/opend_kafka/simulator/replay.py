"""The OpenD stand-in that serves a recording again.

Its time begins when clients have subscribed what they want, and stands still while nobody takes
anything. It goes as fast as it was recorded, or by a factor, or as fast as the clients read; it
always waits for them, so that what they take they get.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import structlog

from opend_kafka.errors import RecordingUnusable
from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.recording import notes
from opend_kafka.recording.files import Recording
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.recording.reading import Damage, Note
from opend_kafka.simulator.desk import Desk
from opend_kafka.simulator.front import Front
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.recorded import RecordedMarket, RecordedPublisher
from opend_kafka.simulator.relay import relaying
from opend_kafka.simulator.subscriptions import Subscriptions

#: Seconds without a new subscription, after which clients have all that they want.
SETTLE_S = 1.0

#: Seconds for which requests are answered after the last push: a worker may look for missing ticks.
LINGER_S = 1.0

#: As fast as the clients read.
AS_FAST_AS_IT_GOES = inf

#: Seconds. Pushes that are due within them go together.
_PULSE_S = 0.002

#: Pushes between two looks at whether the clients keep up.
_STRIDE = 200

#: Seconds between two looks at the subscriptions.
_LOOK_S = 0.02

#: What all clients together may hold, where nothing else is said: a recording costs no quota.
_QUOTA = 1_000_000

_log = structlog.get_logger()


@dataclass(slots=True)
class Played:
    """How far a recording was played. Times are microseconds since 1970."""

    #: All that are in the recording, those that were played, and those of them that somebody took.
    total: int
    pushes: int = 0
    taken: int = 0
    at_us: int = 0
    #: Seconds for which it has been playing, and whether it waits for somebody to subscribe.
    seconds: float = 0.0
    waiting: bool = True
    damages: list[Damage] = field(default_factory=list)


class Replay(Front):
    """An OpenD stand-in with a recording; `play` it once."""

    def __init__(
        self,
        recording: Recording,
        *,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        quota: int = _QUOTA,
        rsa: PacketCipher | None = None,
        settle_s: float = SETTLE_S,
        linger_s: float = LINGER_S,
        clock: Callable[[], float] = time.monotonic,
        on_push: Callable[[int, Push], None] = lambda conn_id, push: None,
    ) -> None:
        """Make one that does nothing yet.

        Args:
            recording: open.
            speed: how many times as fast as it was recorded; or AS_FAST_AS_IT_GOES.
            host: the address to listen on.
            port: the port; 0 takes any that is free, see `port`.
            quota: subscriptions of all connections together.
            rsa: the cipher of InitConnect; None where this OpenD has no key.
            settle_s: see `SETTLE_S`.
            linger_s: see `LINGER_S`.
            clock: seconds, for the timing.
            on_push: see `Front`.

        Raises:
            RecordingUnusable: there is nothing in it to serve.
        """
        outline = recording.outline
        securities = notes.securities(outline.notes)
        if not outline.pushes:
            raise RecordingUnusable(recording.path, "there are no pushes in this recording")
        if not securities:
            raise RecordingUnusable(
                recording.path, "its first block is damaged: what was subscribed is not known"
            )
        self._recording = recording
        self._speed = speed
        self._settle_s = settle_s
        self._linger_s = linger_s
        self._clock = clock
        self._market = RecordedMarket(securities, start_us=outline.first_us)
        # Clients ask before the time begins, and should hear how the markets stood then.
        self._market.take_states(next(filter(None, map(notes.states, outline.notes)), {}))
        self._subscriptions = Subscriptions(quota)
        self._publisher = RecordedPublisher(self._market, self._subscriptions)
        self.played = Played(outline.pushes, at_us=outline.first_us)
        desk = Desk(
            self._market,
            self._subscriptions,
            self._market,
            login_user_id=1,
            keep_alive_interval_s=10,
            encrypts=rsa is not None,
        )
        super().__init__(desk, host=host, port=port, rsa=rsa, on_push=on_push)

    async def play(self) -> None:
        """Wait for subscriptions, send what was recorded, and see that the clients have it.

        Raises:
            RecordingFailed: the file cannot be read further.
        """
        begun = await self._settled()
        first_us = self._recording.outline.first_us
        for item in self._recording.items():
            match item:
                case Damage():
                    _log.warning("recording_damaged", cause=str(item))
                    self.played.damages.append(item)
                case Note():
                    states = notes.states(item)
                    if states is not None:
                        self._market.take_states(states)
                case RecordedPush():
                    due = begun + (item.received_us - first_us) / 1_000_000 / self._speed
                    if self.played.pushes % _STRIDE == 0 or due - self._clock() > _PULSE_S:
                        begun += await self._keep_up(due)
                    self._publish(item)
                    self.played.seconds = self._clock() - begun
        self.flush()
        await self._had()
        self.played.seconds = self._clock() - begun
        await asyncio.sleep(self._linger_s)

    def _publish(self, push: RecordedPush) -> None:
        pushes = self._publisher.publish(push)
        for one in pushes:
            self.send(one)
        played = self.played
        played.pushes += 1
        played.taken += bool(pushes)
        played.at_us = push.received_us

    async def _keep_up(self, due: float) -> float:
        """Wait for the clients, and until something is due; give the seconds that stood still."""
        self.flush()
        await self.written()
        stood_s = 0.0
        while True:
            if not self._subscriptions.all_takers():
                stood_since = self._clock()
                await self._settled()
                stood_s += self._clock() - stood_since
            wait_s = due + stood_s - self._clock()
            if wait_s <= _PULSE_S:
                return stood_s
            await asyncio.sleep(min(wait_s, _LOOK_S))

    async def _settled(self) -> float:
        """Wait until somebody takes something, and nobody has subscribed for a while."""
        played = self.played
        played.waiting = True
        _log.info("replay_waits_for_subscriptions", played=played.pushes, pushes=played.total)
        feeds, since = 0, self._clock()
        while not feeds or self._clock() - since < self._settle_s:
            await asyncio.sleep(_LOOK_S)
            held = self._subscriptions.pushed
            if held != feeds:
                feeds, since = held, self._clock()
        played.waiting = False
        _log.info("replay_goes_on", subscriptions=feeds, played=played.pushes)
        return self._clock()

    async def _had(self) -> None:
        """Wait until the network has taken all from us."""
        await self.written()
        for client in tuple(self._clients.values()):
            while client.unsent_bytes and not client.closed.is_set():
                await asyncio.sleep(_LOOK_S)


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What `opend-kafka simulate --replay` can be told; `quota` None: as many as there are."""

    speed: float = 1.0
    host: str = "127.0.0.1"
    port: int = 11111
    quota: int | None = None
    rsa: PacketCipher | None = None
    websocket_port: int | None = None
    websocket_key: str | None = None


async def serve_recording(
    recording: Recording,
    settings: ReplaySettings,
    stop: asyncio.Event,
    on_begin: Callable[[Played], None] = lambda played: None,
) -> Played:
    """Play a recording to its end, or until `stop` is set; give how far it was played.

    `on_begin` is told where that can be seen while it plays.

    Raises:
        RecordingUnusable: there is nothing in it to serve.
        RecordingFailed: the file cannot be read further.
        OSError: the address cannot be listened on.
    """
    replay = Replay(
        recording,
        speed=settings.speed,
        host=settings.host,
        port=settings.port,
        quota=_QUOTA if settings.quota is None else settings.quota,
        rsa=settings.rsa,
    )
    async with (
        replay,
        relaying(
            settings.host,
            replay.port,
            port=settings.websocket_port,
            key=settings.websocket_key,
            rsa=settings.rsa,
        ),
    ):
        on_begin(replay.played)
        playing = asyncio.create_task(replay.play())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([playing, stopping], return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
        finally:
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(playing, stopping, return_exceptions=True)
    return replay.played
