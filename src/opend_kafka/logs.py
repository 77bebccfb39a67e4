"""structlog, set up once: JSON in containers, readable on a terminal, all on stderr.

What says the same a thousand times a second is said a few times and then counted, see `Repeats`.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

#: Lines of one event and reason that are written in so many seconds; the others are counted.
FIRST_LINES = 20
PERIOD_S = 10.0

#: Fields whose value is nobody's business, should one ever get into a line.
_SECRET = re.compile(r"password|passphrase|secret|token|credential|private_key|user\.info")


@dataclass(slots=True)
class _Said:
    since: float
    lines: int = 0
    held_back: int = 0


@dataclass(frozen=True, slots=True)
class HeldBack:
    """So many lines of one event and reason were not written."""

    method: str
    event: str
    reason: str | None
    lines: int


class Repeats:
    """Lets the first lines of an event and reason pass, and counts the others of its period.

    The count is told by `due`, or by the line that begins the next period, in `held_back`.

    Args:
        clock: seconds, monotonic.
        first: lines that pass.
        period_s: seconds of a period.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        first: int = FIRST_LINES,
        period_s: float = PERIOD_S,
    ) -> None:
        self._clock = clock
        self._first = first
        self._period_s = period_s
        self._said: dict[tuple[str, str, str | None], _Said] = {}

    def __call__(
        self, logger: Any, method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Be one of structlog's processors.

        Raises:
            structlog.DropEvent: the line is only counted.
        """
        event, reason = str(line["event"]), line.get("reason")
        if event == REPEATED:
            return line
        key = method, event, None if reason is None else str(reason)
        now = self._clock()
        said = self._said.get(key)
        if said is None or now - said.since >= self._period_s:
            if said is not None and said.held_back:
                line["held_back"] = said.held_back
            said = self._said[key] = _Said(now)
        said.lines += 1
        if said.lines > self._first:
            said.held_back += 1
            raise structlog.DropEvent
        return line

    def due(self, *, at_once: bool = False) -> Iterator[HeldBack]:
        """Give what was held back in the periods that have ended, or in all of them."""
        now = self._clock()
        for key, said in [*self._said.items()]:
            if at_once or now - said.since >= self._period_s:
                del self._said[key]
                if said.held_back:
                    yield HeldBack(*key, said.held_back)

    def forget(self) -> None:
        """Begin anew."""
        self._said.clear()


#: The event that tells how many lines of another one were held back.
REPEATED = "repeated"

_repeats = Repeats()


def tell_repeats(*, at_once: bool = False) -> None:
    """Write how many lines were held back: those of ended periods, or all. Call it now and then."""
    log = structlog.get_logger()
    for one in _repeats.due(at_once=at_once):
        write = getattr(log, one.method)
        write(REPEATED, of=one.event, reason=one.reason, held_back=one.lines)


def _masked(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in line:
        if _SECRET.search(name):
            line[name] = "***"
    return line


def configure(level: str = "info", style: str = "auto") -> None:
    """Send our events and the libraries' log lines through one chain to stderr.

    Args:
        level: debug, info, warning or error.
        style: json, console, or auto: console where stderr is a terminal.
    """
    _repeats.forget()
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            _repeats,
            _masked,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    renderers: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if console
        else [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # Its INFO lines name every connection to every broker; its own problems come as warnings.
    for chatty in ("asyncio", "aiohttp.access", "httpx", "httpx2"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, _LEVELS[level]))


def silence() -> None:
    """Drop every log line: for commands that say what they found themselves."""
    configure("error")
    logging.getLogger().handlers[:] = [logging.NullHandler()]
