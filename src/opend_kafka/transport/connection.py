"""The seam between the session and a network: three calls."""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """One established connection. Its errors are `OpenDError`s, translated where they arise."""

    async def receive(self) -> bytes:
        """Wait for bytes; give b"" once the other side has closed.

        Raises:
            LinkLost: the connection broke.
        """
        ...

    def send(self, data: bytes) -> None:
        """Hand over bytes to be sent; they go out in order, or the connection breaks."""
        ...

    async def close(self) -> None:
        """Close it, whatever state it is in. Raises nothing."""
        ...
