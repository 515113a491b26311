"""What the streets count, in shared memory, so that any process of the tree can add it up.

One small file per street under `run/`; it is rebuilt at each start and holds nothing about anybody.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable
from pathlib import Path

NAMES = (
    "requests", "connections", "dots", "clicks", "forged", "tracking_off", "privacy_signals", "denied", "web_events", "web_refused", "not_found", "refused",
    "too_large", "timed_out", "commits", "records", "bytes_written", "not_recorded",
)  # fmt: skip
_SLOTS = struct.Struct(f"<{len(NAMES)}Q")

HELP = {
    "requests": "requests with a whole head",
    "connections": "connections accepted",
    "dots": "dots answered and recorded",
    "clicks": "clicks answered and recorded",
    "forged": "tokens that are not ours",
    "tracking_off": "genuine tokens whose mode keeps nothing",
    "privacy_signals": "pings recorded without a person because of GPC or DNT",
    "denied": "genuine tokens of who withdrew, answered and not kept",
    "web_events": "events of websites answered and recorded",
    "web_refused": "events of websites refused with a reason",
    "not_found": "requests for unknown addresses",
    "refused": "requests refused as broken or unsupported, and connections over the cap",
    "too_large": "heads over the limit",
    "timed_out": "connections closed for silence",
    "commits": "syncs of the journal",
    "records": "records made durable",
    "bytes_written": "bytes made durable",
    "not_recorded": "pings answered 503 because they could not be recorded",
}


class Counters:
    """One street's counters: plain numbers, published once a second."""

    __slots__ = (*NAMES, "_map")

    requests: int
    connections: int
    dots: int
    clicks: int
    forged: int
    tracking_off: int
    privacy_signals: int
    denied: int
    web_events: int
    web_refused: int
    not_found: int
    refused: int
    too_large: int
    timed_out: int
    commits: int
    records: int
    bytes_written: int
    not_recorded: int

    def __init__(self, path: Path | None = None) -> None:
        for name in NAMES:
            setattr(self, name, 0)
        self._map: mmap.mmap | None = None
        if path:
            path.write_bytes(bytes(_SLOTS.size))
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), _SLOTS.size)

    def values(self) -> tuple[int, ...]:
        """The numbers, in the order of NAMES."""
        return tuple(getattr(self, name) for name in NAMES)

    def publish(self) -> None:
        """Let other processes see the numbers."""
        if self._map is not None:
            _SLOTS.pack_into(self._map, 0, *self.values())


def total(paths: Iterable[Path]) -> dict[str, int]:
    """The sum over streets; a file that is just being made counts as zero."""
    sums = dict.fromkeys(NAMES, 0)
    for path in paths:
        data = path.read_bytes()
        if len(data) == _SLOTS.size:
            for name, value in zip(NAMES, _SLOTS.unpack(data), strict=True):
                sums[name] += value
    return sums


def exposition(sums: dict[str, int]) -> str:
    """The Prometheus text form. Names are ours alone: nothing a stranger sends becomes a name or a label."""
    lines = []
    for name, value in sums.items():
        lines += [
            f"# HELP inkdot_street_{name}_total {HELP[name]}",
            f"# TYPE inkdot_street_{name}_total counter",
            f"inkdot_street_{name}_total {value}",
        ]
    return "\n".join(lines) + "\n"
