"""What a command waits for, on a terminal; elsewhere it waits in silence."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console


class Waiting:
    """A line on stderr that says what is waited for, and goes when that has come.

    A context manager. Where stderr is no terminal, nothing is written.
    """

    def __init__(self, *names: str, console: Console | None = None) -> None:
        """Make a line that does not show yet.

        Args:
            names: what is waited for.
            console: where to write; stderr where it is left out.
        """
        self._names = list(names)
        console = console or Console(stderr=True)
        self._status = console.status(self._text, refresh_per_second=4)

    def __enter__(self) -> Waiting:
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def came(self, name: str) -> None:
        """Name it no longer."""
        self._names.remove(name)
        self._status.update(self._text)

    @property
    def _text(self) -> str:
        return f"waiting for {', '.join(self._names)}" if self._names else ""
