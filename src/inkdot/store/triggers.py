"""The triggers' part of control.db: rules and their versions."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from inkdot.domain.ids import TriggerId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class KeptTrigger(NamedTuple):
    """A rule as it is listed."""

    id: TriggerId
    name: str
    version: int
    rule: str
    """JSON."""
    active: bool
    added: int
    """Unix seconds."""
    changed: int
    capped: int
    """Firings that its limits held back."""
    fired: int
    last: int | None
    """Microseconds since 1970."""


class Triggers(Control):
    """`control.db` as rules need it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("triggers")

    def keep(self, fresh: TriggerId, name: str, rule: str, now: int, workspace: WorkspaceId) -> KeptTrigger:
        """Keep a rule under its name: a new trigger with the id `fresh`, or the next version of the one there is.

        `now` in microseconds since 1970: from then on it counts. The same rule again changes nothing but switches it on.
        """
        at = now // 1_000_000
        with self._transaction():
            known = self._named(name, workspace)
            if known is None or known.rule != rule:
                number, version = (known.id, known.version + 1) if known else (fresh, 1)
                self._keep("keep_trigger", [(number, workspace, name, version, rule, at, at, now)])
                self._keep("keep_rule", [(number, version, rule, at)])
            elif not known.active:
                self._keep("switch_trigger", [(1, at, known.id)])
            kept = self._named(name, workspace)
        assert kept
        return kept

    def triggers(self, workspace: WorkspaceId) -> list[KeptTrigger]:
        """All of them, by name."""
        rows = self._rows("triggers", (workspace,))
        return [KeptTrigger(TriggerId(r[0]), r[1], r[2], r[3], bool(r[4]), *r[5:]) for r in rows]

    def versions(self, trigger: TriggerId) -> list[tuple[int, str, int]]:
        """(version, rule as JSON, unix seconds since when) of a trigger, oldest first."""
        return [(version, rule, time) for version, rule, time in self._rows("versions", (trigger,))]

    def active(self) -> list[tuple[TriggerId, WorkspaceId, int, str, int]]:
        """(id, workspace, version, rule as JSON, microseconds from when on it counts) of those to be watched for."""
        return [(TriggerId(r[0]), WorkspaceId(r[1]), *r[2:]) for r in self._rows("active_triggers")]

    def switch(self, trigger: TriggerId, *, on: bool, now: int) -> None:
        """Switch a trigger on or off."""
        with self._transaction():
            self._keep("switch_trigger", [(int(on), now, trigger)])

    def forget(self, trigger: TriggerId) -> None:
        """Remove a trigger; what it did stays on record."""
        with self._transaction():
            self._keep("forget_trigger", [(trigger,)])

    def _named(self, name: str, workspace: WorkspaceId) -> KeptTrigger | None:
        return next((t for t in self.triggers(workspace) if t.name == name), None)
