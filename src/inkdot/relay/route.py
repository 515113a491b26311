"""Routes: which upstream server takes a sender's mail, and how we log in there."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from inkdot.domain.errors import BadSetting


class Tls(StrEnum):
    """How a connection to an upstream is protected."""

    IMPLICIT = "implicit"
    """From the first byte on (smtps, port 465)."""
    STARTTLS = "starttls"
    """The server must offer it and have a valid certificate."""
    UNVERIFIED = "unverified"
    """The server must offer it, with any certificate."""
    IF_OFFERED = "if-offered"
    """With any certificate where it is offered; the default for this machine alone."""
    OFF = "off"


class LoginBy(StrEnum):
    """Whose credentials are used."""

    NONE = "none"
    PASSWORD = "password"  # noqa: S105 - a word, not a password
    XOAUTH2 = "xoauth2"
    CLIENT = "client"
    """The mail program's own are passed through."""


@dataclass(frozen=True, slots=True)
class Route:
    """One upstream server."""

    host: str
    port: int
    tls: Tls
    login: LoginBy
    user: str | None
    password: str | None

    @property
    def shown(self) -> str:
        """Without secrets."""
        return f"{self.host}:{self.port}"


def read_route(url: str, password: str = "", login: str = "") -> Route:
    """`smtp://user:password@host:587?tls=starttls&login=xoauth2`. Raises BadSetting."""
    try:
        parts = urlsplit(url)
        port = parts.port
        options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError:
        parts, port, options = urlsplit(""), None, {}
    if (
        parts.scheme not in ("smtp", "smtps")
        or not parts.hostname
        or parts.path.strip("/")
        or set(options) - {"tls", "login"}
    ):
        raise BadSetting(
            "The upstream is no mail server; write it like smtp://user@mail.example.com:587 or smtps://mail.example.com, "
            "with ?tls=starttls|unverified|if-offered|off or ?login=password|xoauth2|client|none behind it."
        )
    user = unquote(parts.username) if parts.username else None
    by = options.get("login") or login or (LoginBy.PASSWORD if user else LoginBy.NONE)
    try:
        tls = Tls.IMPLICIT if parts.scheme == "smtps" else Tls(options.get("tls") or _usual_tls(parts.hostname))
        login_by = LoginBy(by)
    except ValueError as error:
        raise BadSetting(f"The upstream has an option that is not known: {error}; see docs/settings.md.") from None
    if login_by in (LoginBy.PASSWORD, LoginBy.XOAUTH2) and not user:
        raise BadSetting("The upstream needs a user to log in: smtp://user@mail.example.com:587.")
    secret = password or (unquote(parts.password) if parts.password else None)
    return Route(parts.hostname, port or (465 if tls is Tls.IMPLICIT else 587), tls, login_by, user, secret)


def _usual_tls(host: str) -> Tls:
    return Tls.IF_OFFERED if is_this_machine(host) else Tls.STARTTLS


def is_this_machine(host: str) -> bool:
    """A loopback name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Routes:
    """One upstream for all, others for some sender domains."""

    def __init__(self, default: Route, by_domain: Iterable[tuple[str, Route]] = ()) -> None:
        self.default = default
        self._by_domain = {domain.lower().lstrip("@"): route for domain, route in by_domain}

    def of(self, sender: str) -> Route:
        """The route for an envelope sender."""
        return self._by_domain.get(sender.rpartition("@")[2].lower(), self.default)

    def all(self) -> list[Route]:
        """Every route once."""
        return list(dict.fromkeys([self.default, *self._by_domain.values()]))


def read_routes(default: str, password: str, login: str, by_domain: Iterable[str]) -> Routes:
    """From the settings `upstream`, `upstream_password`, `upstream_login` and `upstreams`. Raises BadSetting."""
    others = []
    for entry in by_domain:
        domain, equals, url = entry.partition("=")
        if not equals or "." not in domain:
            raise BadSetting(f"upstreams holds {entry!r}; write it like example.com=smtp://user:password@host:587.")
        others.append((domain.strip(), read_route(url.strip())))
    return Routes(read_route(default, password, login), others)
