"""Whether the low word of a market's sequences counts up by one a tick. Pure.

OpenD documents `sequence` as a unique id and no more. In its published samples the high word is the
trade's Unix second, and in those of Hong Kong the low word counts on by one a tick, so a larger
step would mean a lost tick. In those of the US it does not. So the rule must prove itself, market
by market, and is given up when it is wrong:

    seen                                                        so
    a step of one from one second to the next, ENOUGH in turn   it is believed
    a step of another size, while not believed                  the proof begins again
    a step above one, while believed                            a tick may be lost: ask OpenD
        OpenD lists nothing between the two                     it is given up; to be believed
                                                                again it needs twice as much
    a step below one, while believed                            it is given up: a new day, perhaps

Within one second a counter that restarts with each second looks the same: only steps from one
second to the next prove anything.
"""

from __future__ import annotations

from array import array

from opend_kafka.consuming.sequences import LOW_WORD, low_word

#: Steps from one second to the next that prove the rule.
ENOUGH = 16


#: The places in `Steps.standing`.
_BELIEVED, _PROOFS = 0, 1


class Steps:
    """The rule's standing in one market."""

    def __init__(self) -> None:
        #: Whether it is believed, and the steps in turn that have proved it. An array, so that
        #: compiled code sees when a step changes nothing.
        self.standing = array("q", (0, 0))
        self._needed = ENOUGH

    @property
    def believed(self) -> bool:
        """Whether a step above one means a lost tick."""
        return bool(self.standing[_BELIEVED])

    def step(self, before: int, after: int) -> bool:
        """Look at two successive sequences of one security; tell whether a tick seems lost."""
        size = (after & LOW_WORD) - (before & LOW_WORD)
        standing = self.standing
        if size == 1:
            if not standing[_BELIEVED] and before >> 32 != after >> 32:
                standing[_PROOFS] += 1
                standing[_BELIEVED] = standing[_PROOFS] >= self._needed
            return False
        if standing[_BELIEVED] and size > 1:
            return True
        self._forget()
        return False

    def was_wrong(self) -> None:
        """OpenD lists nothing between two ticks whose step was above one."""
        self._forget()
        self._needed *= 2

    def between(self, before: int | None, after: int | None) -> int | None:
        """Give how many ticks lie between two sequences; None where the rule cannot tell."""
        if not self.believed or before is None or after is None:
            return None
        size = low_word(after) - low_word(before)
        return size - 1 if size > 0 else None

    def _forget(self) -> None:
        self.standing[_BELIEVED] = self.standing[_PROOFS] = 0
