"""The short way for what the tag sends most: a key, a visitor and one plain event. Judged by its types while it is decoded.

Whatever does not fit here goes the long way (`domain/beacon.py`), which knows every form and says what is wrong.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from inkdot.domain.beacon import MOST_VISITOR

_Text = Annotated[str, msgspec.Meta(max_length=200)]
_Address = Annotated[str, msgspec.Meta(max_length=2_000)]
_Name = Annotated[str, msgspec.Meta(max_length=MOST_VISITOR)]
_Number = Annotated[float, msgspec.Meta(ge=0, lt=1e12)]


class Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One event under its short names."""

    k: Literal["view", "engage", "goal", "click", "download"]
    p: _Number
    q: _Number
    u: _Address
    r: _Address = ""
    e: _Number = 0.0
    d: _Number = 0.0
    n: _Text = ""
    l: _Address = ""  # noqa: E741 - the tag's letter


NEEDS = {"view": "u", "engage": "p", "goal": "n", "click": "l", "download": "l"}
_decode = msgspec.json.Decoder(tuple[str, _Name, Plain]).decode


def plain(body: bytes) -> tuple[str, str, Plain] | None:
    """Key, visitor and event; None for everything else."""
    if not body.endswith(b"}]"):
        return None
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if getattr(found[2], NEEDS[found[2].k]) else None
