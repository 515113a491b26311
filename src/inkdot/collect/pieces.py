"""The events in a body, whatever its form; what is wrong with one of them is said of that one alone."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from inkdot.domain.beacon import MOST_DEPTH, Refusal, Refused, depth_exceeds, spread

_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half of a character: scripts that cut texts leave them, and JSON allows them."""
_decode = msgspec.json.Decoder().decode
_pieces = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

Piece = tuple[Any, Any, Any]
"""(key, visitor, event); a refusal in the event's place if it cannot be read."""


def events(body: bytes) -> list[Piece] | Refused:
    """What a body holds, or why nothing of it can be read."""
    too_deep = depth_exceeds(body)
    try:
        if not too_deep:
            return spread(_decode(body))
    except _UNREADABLE:
        pass
    try:
        return spread([_judged(_HALF.sub(rb"\\ufffd", piece)) for piece in _pieces(body)])
    except _UNREADABLE:
        whole = _HALF.sub(rb"\\ufffd", body)
        return events(whole) if whole != body else Refused(Refusal.TOO_DEEP if too_deep else Refusal.NOT_JSON)


def _judged(piece: bytes) -> Any:
    if depth_exceeds(piece, MOST_DEPTH - 1):
        return Refused(Refusal.TOO_DEEP)
    try:
        return _decode(piece)
    except _UNREADABLE:  # a number beyond all numbers
        return Refused(Refusal.NOT_JSON)
