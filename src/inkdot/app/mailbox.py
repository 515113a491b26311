"""Before you send: who keeps a person's mailbox, and so what can be learned there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import InkdotError

_SECONDS = 5.0
_UNKNOWN = {"time": "maybe", "place": "maybe", "device": "maybe"}


def check(people: Iterable[str], nameserver: str | None = None) -> Iterator[dict[str, Any]]:
    """Per person: mail servers, who keeps the mailbox, gateway, what an open can tell, a sentence.

    `nameserver` is ADDRESS or ADDRESS:PORT; the system's own if not given. Each domain is asked once.
    """
    known: dict[str, dict[str, Any]] = {}
    for person in people:
        try:
            address = normal_address(person)
        except InkdotError as error:
            yield {
                "person": person,
                "servers": None,
                "mailbox": None,
                "gateway": None,
                "can_tell": None,
                "says": str(error),
            }
            continue
        domain = address.rpartition("@")[2]
        if domain not in known:
            known[domain] = _domain(domain, nameserver)
        yield {"person": address} | known[domain]


def _domain(domain: str, nameserver: str | None) -> dict[str, Any]:
    servers, trouble = _servers(domain, nameserver)
    if trouble:
        return {"servers": None, "mailbox": None, "gateway": None, "can_tell": None, "says": trouble}
    found = next((m for s in servers for m in _mailboxes() if _fits(s, m["hosts"])), None)
    if found is None:
        says = "The mail servers are none we know, so what an open tells depends on the program that people there use."
        return {"servers": servers, "mailbox": None, "gateway": None, "can_tell": _UNKNOWN, "says": says}
    gateway = bool(found.get("gateway"))
    says = found["says"] + (" Which mailbox lies behind it cannot be seen from outside." if gateway else "")
    return {
        "servers": servers, "mailbox": None if gateway else found["name"], "gateway": found["name"] if gateway else None,
        "can_tell": {key: found[key] for key in _UNKNOWN}, "says": says,
    }  # fmt: skip


def _servers(domain: str, nameserver: str | None) -> tuple[list[str], str | None]:
    """The domain's mail servers, best first; or why they are not known."""
    import dns.exception  # noqa: PLC0415 - 60 ms that no other command needs
    import dns.resolver  # noqa: PLC0415

    try:
        resolver = dns.resolver.Resolver(configure=nameserver is None)
        if nameserver:
            host, _, port = nameserver.rpartition(":") if nameserver.count(":") == 1 else (nameserver, "", "53")
            resolver.nameservers, resolver.port = [host], int(port)
        answer = resolver.resolve(domain, "MX", lifetime=_SECONDS)
    except dns.resolver.NXDOMAIN:
        return [], f"There is no domain {domain}; is the address right?"
    except dns.resolver.NoAnswer:
        return [], f"{domain} names no mail servers, so mail there may not arrive, and nothing can be foretold."
    except (dns.exception.DNSException, OSError, ValueError) as error:
        return [], f"Nobody answered for {domain} ({type(error).__name__}); are you offline? Nothing can be foretold."
    ordered = sorted(answer, key=lambda record: record.preference)
    servers = [str(record.exchange).rstrip(".").lower() for record in ordered]
    return [s for s in servers if s], None if any(servers) else f"{domain} says that it takes no mail at all."


@cache
def _mailboxes() -> list[dict[str, Any]]:
    """Longer endings first, so that olc.protection.outlook.com comes before protection.outlook.com."""
    text = files("inkdot.understand").joinpath("data", "mailboxes.toml").read_text()
    found: list[dict[str, Any]] = tomllib.loads(text)["mailbox"]
    return sorted(found, key=lambda m: -max(map(len, m["hosts"])))


def _fits(server: str, hosts: Iterable[str]) -> bool:
    return any(server == host or server.endswith("." + host) for host in hosts)
