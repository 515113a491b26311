"""What a sender wants marked: opens, clicks, which links never, what is appended to links, and under which public name."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from inkdot.domain.errors import BadSetting

_UTM = re.compile(r"utm_[a-z_]+")


class Wanted(NamedTuple):
    """A sender's choice. The default marks everything and appends nothing."""

    opens: bool = True
    """Put dots in."""
    clicks: bool = True
    """Track links."""
    never: frozenset[str] = frozenset()
    """Domains to which links are never tracked; what lies below a domain is meant too."""
    utm: tuple[tuple[str, str], ...] = ()
    """What is appended to tracked links, each unless the link has one of that name."""
    names: tuple[tuple[str, str], ...] = ()
    """Public addresses by sender domain, beside the usual one."""
    honeypot: bool = False
    """Put a hidden link in that no person meets: who follows it is a machine."""

    def leads_to_never(self, destination: bytes) -> bool:
        """True if that link is not to be tracked."""
        if not self.never:
            return False
        try:
            host = (urlsplit(destination.decode("utf-8", "replace")).hostname or "").rstrip(".")
        except ValueError:
            return False
        return under(host, self.never)

    def appended(self, destination: bytes) -> bytes:
        """The destination with the words of `utm` before its fragment; every byte of its own stays."""
        if not self.utm:
            return destination
        before, sharp, fragment = destination.partition(b"#")
        path, _, query = before.partition(b"?")
        there = {name.lower() for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
        added = "&".join(f"{name}={quote(value)}" for name, value in self.utm if name not in there).encode()
        if not added:
            return destination
        between = b"&" if query and not query.endswith(b"&") else b""
        return path + b"?" + query + between + added + sharp + fragment

    def public_url(self, sender: str, usual: str) -> str:
        """Where the marks of a sender's mails lead: the name of his domain, of one above it, or the usual one."""
        host = sender.rpartition("@")[2].lower()
        found = [(len(domain), url) for domain, url in self.names if under(host, {domain})]
        return max(found)[1] if found else usual


def under(host: str, domains: frozenset[str] | set[str]) -> bool:
    """True if a host is one of the domains or lies below one."""
    labels = host.lower().split(".")
    return any(".".join(labels[n:]) in domains for n in range(len(labels)))


def read_wanted(
    *, opens: bool = True, clicks: bool = True, never: tuple[str, ...] = (), utm: tuple[str, ...] = (),
    names: tuple[str, ...] = (), honeypot: bool = False,
) -> Wanted:  # fmt: skip
    """From settings: `never` domains, `utm` like utm_source=news, `names` like example.org=https://t.example.org.

    Raises BadSetting.
    """
    pairs = []
    for entry in utm:
        name, equals, value = entry.partition("=")
        if not equals or not value.strip() or not _UTM.fullmatch(name.strip().lower()):
            raise BadSetting(f"utm holds {entry!r}; write it like utm_source=newsletter.")
        pairs.append((name.strip().lower(), value.strip()))
    urls = []
    for entry in names:
        domain, equals, url = entry.partition("=")
        parts = urlsplit(url.strip())
        if not equals or "." not in domain or parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadSetting(f"public_urls holds {entry!r}; write it like example.org=https://t.example.org.")
        urls.append((domain.strip().lower().lstrip("@"), url.strip()))
    domains = frozenset(d.strip().lower().lstrip("@.") for d in never)
    return Wanted(opens, clicks, domains, tuple(pairs), tuple(urls), honeypot)
