"""What counting rules and limits remember of one person. Rules that wait for the same thing count together: it is seen once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from inkdot.domain.ids import EventId, TriggerId

Moment = tuple[int, EventId]
"""(microseconds since 1970, event): what one act is later than another by."""
NEVER: Moment = (0, EventId(0))


class Tally:
    """The acts of one person that fit one condition, by time."""

    __slots__ = ("_moments", "_seconds")

    def __init__(self) -> None:
        self._moments: list[Moment] = []
        self._seconds: list[float] = []

    def see(self, moment: Moment, seconds: float) -> None:
        """One more act."""
        place = bisect_right(self._moments, moment)
        self._moments.insert(place, moment)
        self._seconds.insert(place, seconds)

    def before(self, until: int) -> int:
        """How many there were up to a time (microseconds) and with it."""
        return bisect_left(self._moments, (until + 1, NEVER[1]))

    def through(self, moment: Moment) -> int:
        """How many there were up to a moment and with it."""
        return bisect_right(self._moments, moment)

    def seconds(self, begin: int, end: int) -> float:
        """The active seconds of those from one place in the order of time to another."""
        return sum(self._seconds[begin:end])


NOTHING = Tally()
"""Of whom nothing was seen."""


class Known:
    """What is remembered of one person, or of a visitor whom nobody knows."""

    __slots__ = ("_fired", "_tallies")

    def __init__(self) -> None:
        self._tallies: dict[int, Tally] = {}
        """By condition."""
        self._fired: dict[TriggerId, list[Moment]] = {}

    def tally(self, condition: int) -> Tally:
        """What rules with this condition have seen."""
        return self._tallies.get(condition, NOTHING)

    def see(self, condition: int, moment: Moment, seconds: float) -> None:
        """It has seen one more."""
        self._tallies.setdefault(condition, Tally()).see(moment, seconds)

    def fire(self, trigger: TriggerId, moment: Moment) -> None:
        """A trigger has fired."""
        insort(self._fired.setdefault(trigger, []), moment)

    def fired(self, trigger: TriggerId, since: int) -> int:
        """How often a trigger fired since a time (microseconds)."""
        times = self._fired.get(trigger, ())
        return len(times) - bisect_left(times, (since, NEVER[1]))

    def last_fired(self, trigger: TriggerId) -> Moment:
        """When it fired last: what was seen until then is used up."""
        times = self._fired.get(trigger)
        return times[-1] if times else NEVER
