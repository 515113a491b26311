"""Views of the office that are shared by a link, in control.db."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.ids import WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class SharedView(NamedTuple):
    """One link; times in unix seconds."""

    id: int
    workspace: WorkspaceId
    name: str
    page: str
    """Its path, as `/mails`."""
    words: Mapping[str, str]
    """What its address said, as `since`: `7d`."""
    digest: bytes
    """Of the secret in the link."""
    password: str | None
    """Its hash."""
    by: str
    made: int
    until: int
    used: int | None = None


class SharedViews(Control):
    """`control.db` as shared views need it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("shared_views")

    def keep(self, view: SharedView) -> None:
        """A new link; those whose time is over go."""
        number, workspace, name, page, words, *rest, _ = view
        with self._transaction():
            self._keep("forget_old_views", [(view.made,)])
            self._keep("keep_view", [(number, workspace, name, page, json.dumps(words, ensure_ascii=False), *rest)])

    def view(self, digest: bytes, now: int) -> SharedView | None:
        """What a link shows, None if nothing any more."""
        return next((_view(row) for row in self._rows("view_of", (digest, now))), None)

    def views(self, workspace: WorkspaceId, now: int) -> list[SharedView]:
        """The links of a workspace that show something, newest first."""
        return [_view(row) for row in self._rows("views", (workspace, now))]

    def looked(self, view: SharedView, now: int) -> None:
        """Somebody looks at it now."""
        with self._transaction():
            self._keep("use_view", [(now, view.id)])

    def end(self, workspace: WorkspaceId, number: int) -> bool:
        """The link shows nothing any more; False if there is none."""
        with self._transaction():
            return bool(self._rows("end_view", (workspace, number)))


def _view(row: tuple[Any, ...]) -> SharedView:
    number, workspace, name, page, words, *rest = row
    return SharedView(number, WorkspaceId(workspace), name, page, json.loads(words), *rest)
