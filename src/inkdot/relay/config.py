"""What the supervisor tells the relay process at its start."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any, NamedTuple

_VARIABLE = "INKDOT_RELAY"


class RelayConfig(NamedTuple):
    """Handed over by environment and not on the command line, which everybody on the machine can read."""

    data: str
    """The data folder."""
    socket_fd: int
    """-1: the mail door stays closed."""
    ready_fd: int
    settings: dict[str, Any]
    public_url: str
    """How recipients reach the street door."""
    tls_fd: int = -1
    """The door where TLS comes first; -1: none."""

    def to_environment(self) -> dict[str, str]:
        """For the child."""
        return {_VARIABLE: json.dumps(self._asdict())}

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> RelayConfig:
        """In the child; the variable is gone afterwards."""
        return cls(**json.loads(environ.pop(_VARIABLE)))
