"""What the supervisor tells a street at its start."""

from __future__ import annotations

import json
from typing import NamedTuple


class StreetConfig(NamedTuple):
    """What a street needs to know; handed over as JSON, without secrets."""

    data: str
    """The data folder."""
    number: int
    """This street's stream."""
    socket_fd: int
    ready_fd: int
    trusted_proxies: tuple[str, ...] = ()
    connections_per_address: int = 512
    prefixes: tuple[str, str] = ("o", "c")
    room: str = ""
    """The unix socket of the reading room."""
    addresses: str = "full"
    """How much of addresses is written down: full, cut, none."""
    spam: str = ""
    """The file of domains that send visits which nobody made: lines, compressed as xz."""

    def to_json(self) -> str:
        """For the child's command line."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> StreetConfig:
        """From the child's command line."""
        fields = json.loads(text)
        return cls(
            **fields | {"prefixes": tuple(fields["prefixes"]), "trusted_proxies": tuple(fields["trusted_proxies"])}
        )
