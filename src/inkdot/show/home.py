"""Home in one question: who did something, who is warm, of what nothing was heard, and what happened last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inkdot.show.questions import Answer

_FEW, _SOME, _LATEST = 6, 12, 80


def home(asks: Mapping[str, Callable[[Mapping[str, Any]], Answer]]) -> Callable[[Mapping[str, Any]], Answer]:
    """Asks all of it at once, so that a look leaves one line in the audit log, and waits for the disk once."""

    def answer(what: Mapping[str, Any]) -> Answer:
        """`since`, and since when the reader was away, `seen`."""

        def ask(name: str, **more: object) -> Answer:
            return asks[name]({**what, **more})

        yield {
            "active": list(ask("active", most=_SOME)),
            "away": list(ask("active", most=_SOME, since=what["seen"])) if what.get("seen") else [],
            "leads": next(ask("report_leads", last=_FEW))["leads"],
            "silent": next(ask("silent", since="30d", most=_FEW)),
            "latest": list(ask("latest", most=_LATEST)),
            "paused": [place["to"] for place in ask("webhook_paused")],
        }

    return answer
