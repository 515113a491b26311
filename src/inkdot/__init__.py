"""Inkdot tells senders honestly what happened to what they sent.

The life of a ping, and the files to open:

1. `mark/mail.py` puts dots into a mail and rewrites its links; `domain/token.py` signs what they carry.
2. A reader's program loads a dot: `collect/door.py` hears the request.
3. `journal/writer.py` puts it on disk; only then `collect/replies.py` answers.
4. `pipeline.py` reads the journal in batches; `journal/reader.py` survives torn tails.
5. `understand/steps.py` turns each ping into an event with evidence.
6. `store/events.py` keeps events and the checkpoint in one transaction.
7. `show/` and `cli/` ask the store and answer people.

`app/` is the only place that knows everyone. For your own programs: `from inkdot import Marker` (`library.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inkdot.domain.consent import Mode
    from inkdot.library import Marker

__all__ = ["Marker", "Mode", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`Marker` and `Mode`, when they are asked for: nothing else that imports Inkdot should wait for them."""
    if name in ("Marker", "Mode"):
        from inkdot import library  # noqa: PLC0415 - see above

        return getattr(library, name)
    raise AttributeError(f"module 'inkdot' has no attribute {name!r}")
