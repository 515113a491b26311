"""What was counted in the last minutes: what the same client does again on the same thing is a repeat."""

from __future__ import annotations

from inkdot.domain.ids import EventId

FOLD_WITHIN = 180_000_000
"""Microseconds in which the same client's same act on the same thing is one act (Gmail fetches several times)."""
_FEW, _MOST = 10_000, 500_000
"""Acts of some 350 bytes. In a flood a repeat is counted once more rather than that memory runs out."""

Act = tuple[object, ...]
"""What was done: equal for equal ones."""


class Counted:
    """Two generations of acts: the older one is forgotten whole, because looking at each act costs more than all look-ups."""

    def __init__(self) -> None:
        self._young: dict[Act, tuple[int, EventId]] = {}
        self._old: dict[Act, tuple[int, EventId]] = {}
        self._swept = 0

    def before(self, act: Act, time: int, event: EventId) -> EventId | None:
        """The counted event that this one repeats; None if it counts itself. `time` in microseconds."""
        counted = self._young.get(act) or self._old.get(act)
        if counted is not None and counted[1] != event and abs(time - counted[0]) <= FOLD_WITHIN:
            return counted[1]
        self._young[act] = (time, event)
        return None

    def count(self, act: Act, time: int, event: EventId) -> None:
        """This event counts, whatever came before it."""
        self._young[act] = (time, event)

    def sweep(self, now: int) -> None:
        """Forget what no event near `now` (microseconds) can repeat."""
        if len(self._young) > _MOST or (len(self._young) > _FEW and abs(now - self._swept) > FOLD_WITHIN):
            self._old, self._young, self._swept = self._young, {}, now

    def clear(self) -> None:
        """Forget everything."""
        self._young.clear()
        self._old.clear()
