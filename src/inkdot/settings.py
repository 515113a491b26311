"""Every setting once: name, type, default, help. Command line beats environment beats `inkdot.toml` beats default.

All faults are reported at once. Only `app` and `cli` read this; the rooms get plain values.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inkdot.domain.errors import BadSetting

FILE = "inkdot.toml"


def _setting(default: Any, text: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": text, "secret": secret}, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation."""

    public_port: int = _setting(8001, "Port of the street door: dots, links, the tag. 0 takes a free one.")
    public_host: str = _setting("127.0.0.1", "Address the street door listens on; 0.0.0.0 to be reached from outside.")
    office_port: int = _setting(8000, "Port of the office. 0 takes a free one.")
    office_host: str = _setting("127.0.0.1", "Address the office listens on.")
    relay_port: int = _setting(8025, "Port of the mail door; it stays closed until an upstream is set.")
    public_url: str = _setting(
        "", "How recipients reach the street door, like https://t.example.com. Empty: its host and port."
    )
    office_url: str = _setting("", "How you reach the office. Empty: its host and port.")
    api_per_minute: int = _setting(600, "Requests of one API key or user per minute; 0 for no limit.")
    streets: int = _setting(1, "Street processes; one per core that pings may use.")
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Networks of your reverse proxies, whose word about addresses is believed."
    )
    connections_per_address: int = _setting(512, "Connections one address may hold at the street door.")
    journal_days: int = _setting(7, "Days after which raw pings, and with them raw addresses, are deleted.")
    memory_limit: str = _setting("512MB", "Memory that the event store may use.")
    city_file: str = _setting(
        "", "A city database (mmdb) of your own: MaxMind, DB-IP or IPinfo. Empty: what 'inkdot geo update' fetched."
    )
    ga4_strict: bool = _setting(
        False, "Visits from webmail are Referral, as in Google Analytics, and not Email, which says more."
    )
    region: str = _setting(
        "", "Where recipients are: us, eu, uk or mixed; 'inkdot setup' writes it. Empty: not answered yet."
    )
    language: str = _setting("en", "Language of footers and privacy pages where none is asked for: en, de, fr, it, es.")
    controller: str = _setting("", "Who is responsible for the data: name and postal address, for texts and pages.")
    controller_mail: str = _setting("", "Where people reach the one responsible.")
    privacy_link: str = _setting(
        "auto", "The privacy page in marked mails: footer, header, off; auto is footer once the region is known."
    )
    list_unsubscribe: bool = _setting(
        False, "Add one-click unsubscribe headers (RFC 8058) to marked mails without any."
    )
    addresses: str = _setting(
        "full", "Addresses of pings in the journal, the only place that has them: full, cut (/24, /48) or none."
    )
    events_days: int = _setting(0, "Days after which events, mails and people without any are deleted; 0 keeps them.")
    backups_days: int = _setting(0, "Days after which backups made by 'inkdot backup' are deleted; 0 keeps them.")
    health: bool = _setting(False, "Health mode: counts alone, nobody is named, whatever else was agreed or set.")
    owner: str = _setting("", "Your mail address: where rules write to, and from whom their mails come.")
    private_networks: tuple[str, ...] = _setting(
        (), "Networks that webhooks may reach though they are not public, like 10.0.0.0/8. None: public addresses only."
    )
    oidc_issuer: str = _setting(
        "", "OpenID Connect provider by which the team may sign in, like https://id.example.com. Empty: passwords only."
    )
    oidc_client_id: str = _setting(
        "", "Its name for this office; /login/provider/back of the office is where it leads back."
    )
    oidc_client_secret: str = _setting(
        "", "The secret to it; INKDOT_OIDC_CLIENT_SECRET keeps it out of files. Empty: a public client.", secret=True
    )
    dot_prefix: str = _setting("o", "First part of the path of dots.")
    click_prefix: str = _setting("c", "First part of the path of tracked links.")
    public_urls: tuple[str, ...] = _setting(
        (),
        "Other public names by sender domain, like example.org=https://t.example.org; each leads to the street door.",
    )
    track_opens: bool = _setting(True, "Put dots into mails.")
    track_clicks: bool = _setting(True, "Track the links of mails.")
    honeypot: str = _setting(
        "auto",
        "A hidden link in mails with tracked links, which only machines follow: on, off; auto is on once the region is known.",
    )
    never_track: tuple[str, ...] = _setting((), "Addresses and domains of people whose mails carry no marks.")
    never_track_links: tuple[str, ...] = _setting((), "Domains to which links in mails are not tracked.")
    utm: tuple[str, ...] = _setting(
        (), "Appended to tracked links that have no word of that name, like utm_source=news, utm_medium=email."
    )
    attachments: str = _setting(
        "leave", "Documents attached to mails: leave, dots, or link, which puts a link to the reader in their place."
    )
    sender: str = _setting("", "Who shares documents, as readers are told. Empty: the sender.")
    colleagues: tuple[str, ...] = _setting(
        (), "Addresses and domains whose reading of shared documents is not counted."
    )
    reader_ask_first: bool = _setting(
        False, "Measure only readers of documents who agreed, not all who did not decline."
    )
    reader_idle_seconds: int = _setting(60, "Seconds without a touch after which a page of a document is not in use.")
    documents_quota: int = _setting(10_000_000_000, "Bytes that shared documents may take.")
    documents_days: int = _setting(
        0, "Days after which documents that nobody can read any more are deleted. 0: never by themselves."
    )
    libreoffice: str = _setting(
        "", "LibreOffice's program, which makes pages of office documents. Empty: looked for; off: not used."
    )
    mail_server: str = _setting(
        "",
        "Server for the mails with codes for readers, like smtp://user:password@mail.example.com:587; ?tls= as for upstream.",
        secret=True,
    )
    mail_from: str = _setting("", "Address from which they come.")
    upstream: str = _setting(
        "",
        "Mail server that the mail door delivers to, like smtp://user@mail.example.com:587 or smtps://...; behind it "
        "?tls=starttls|unverified|if-offered|off and &login=password|xoauth2|client|none. Empty: the mail door stays closed.",
        secret=True,
    )
    upstream_password: str = _setting("", "Its password; INKDOT_UPSTREAM_PASSWORD keeps it out of files.", secret=True)
    upstream_login: str = _setting(
        "", "password, xoauth2, client (each mail program's own user and password are passed through) or none."
    )
    upstreams: tuple[str, ...] = _setting(
        (), "Other upstreams by sender domain, like example.org=smtp://user:password@mail.example.org:587.", secret=True
    )
    upstream_connections: int = _setting(
        3, "Connections to an upstream at once; Microsoft 365 allows three for a mailbox."
    )
    upstream_timeout: int = _setting(
        60,
        "Seconds that a mail server, mailbox or token address may take for each answer; ten times as long to take a mail.",
    )
    oauth_client_id: str = _setting("", "XOAUTH2: the client id of your application.")
    oauth_client_secret: str = _setting("", "XOAUTH2: its secret, if it has one.", secret=True)
    oauth_refresh_token: str = _setting("", "XOAUTH2: the refresh token of the mailbox.", secret=True)
    oauth_token_url: str = _setting(
        "", "XOAUTH2: where access tokens are fetched. Empty: known for Google and Microsoft."
    )
    relay_host: str = _setting("127.0.0.1", "Address the mail door listens on.")
    relay_tls_port: int = _setting(
        -1, "Port where mail programs begin with TLS at once, as with 465; 0 takes a free one, -1 keeps it closed."
    )
    relay_name: str = _setting(
        "", "The mail door's own name in greetings and settings texts. Empty: this machine's name."
    )
    relay_cert: str = _setting("", "TLS certificate of the mail door, PEM. Empty: its own, made at first need.")
    relay_key: str = _setting("", "The certificate's private key, PEM.")
    relay_networks: tuple[str, ...] = _setting((), "Networks whose programs may send without a password.")
    relay_max_bytes: int = _setting(36_700_160, "Largest mail that is taken.")
    relay_timeout: int = _setting(300, "Seconds a mail program may be silent.")
    relay_copies_per_hour: int = _setting(3_000, "Recipients per account and hour; 0 for no limit.")
    relay_connections_per_address: int = _setting(100, "Connections one address may hold at the mail door.")
    relay_ask_upstream: bool = _setting(
        True, "Ask the upstream about each recipient while the mail program waits, so that it sees refusals at once."
    )
    retry_seconds: int = _setting(300, "Pause before a mail is tried again; it doubles up to 4 hours.")
    give_up_hours: int = _setting(120, "Hours after which an undelivered mail comes back with a report.")
    dkim_key: str = _setting("", "Private key (PEM, RSA) to sign mails with after they were marked. Empty: no signing.")
    dkim_selector: str = _setting("", "The key's selector in DNS.")
    dkim_domain: str = _setting("", "The domain that signs.")
    imap: str = _setting(
        "", "Mailbox to watch for replies and bounces, like imaps://user@mail.example.com/INBOX.", secret=True
    )
    imap_poll_seconds: int = _setting(
        60, "Pause between two looks, where the mail server does not tell of new mails itself."
    )
    imap_password: str = _setting("", "Its password; INKDOT_IMAP_PASSWORD keeps it out of files.", secret=True)


SECRETS = frozenset(s.name for s in fields(Settings) if s.metadata["secret"])
"""Settings that must not stand on a command line that we write."""


WORDS = {
    "region": ("", "us", "eu", "uk", "mixed"), "language": ("en", "de", "fr", "it", "es"),
    "privacy_link": ("auto", "footer", "header", "off"), "addresses": ("full", "cut", "none"),
    "honeypot": ("auto", "on", "off"), "attachments": ("leave", "dots", "link"),
}  # fmt: skip
"""Settings that are one of some words."""


def load(folder: Path, given: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """The settings for a data folder; `given` holds what the command line said (None: not said). Raises BadSetting."""
    environ = os.environ if environ is None else environ
    faults: list[str] = []
    written = _from_file(folder / FILE, faults)
    values: dict[str, object] = {}
    for setting in fields(Settings):
        name = setting.name
        variable = f"INKDOT_{name.upper()}"
        said = given.get(name)
        source = "the command line"
        if said is None and variable in environ:
            said, source = environ[variable], variable
        if said is None and name in written:
            said, source = written.pop(name), FILE
        written.pop(name, None)
        if said is not None:
            try:
                values[name] = converted(said, setting.default)
            except ValueError:
                faults.append(f"{name} = {said!r} (from {source}) does not work: {setting.metadata['help']}")
    faults += [f"{FILE} has an unknown setting {name!r}; see docs/settings.md." for name in written]
    settings = Settings(**values)  # type: ignore[arg-type]
    faults += _faults(settings)
    if faults:
        raise BadSetting("\n".join(faults))
    return settings


def _from_file(path: Path, faults: list[str]) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path} cannot be read: {error}")
        return {}


def converted(said: object, default: object) -> object:
    """A value as its setting has it. Raises ValueError."""
    if isinstance(default, bool):
        return str(said).lower() in ("1", "true", "yes", "on")
    if isinstance(default, int):
        return int(str(said))
    if isinstance(default, tuple):
        parts = said if isinstance(said, list | tuple) else str(said).split(",")
        return tuple(str(p).strip() for p in parts if str(p).strip())
    return str(said)


def _faults(settings: Settings) -> list[str]:
    found = [
        f"{name} = {getattr(settings, name)} is no port; use 0 to 65535."
        for name in ("public_port", "office_port", "relay_port")
        if not 0 <= getattr(settings, name) <= 65_535
    ]
    if not -1 <= settings.relay_tls_port <= 65_535:
        found.append(f"relay_tls_port = {settings.relay_tls_port} is no port; use 0 to 65535, or -1 for none.")
    for name in ("public_url", "office_url"):
        url = getattr(settings, name)
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            found.append(f"{name} = {url!r} is no web address; write it like https://t.example.com.")
    found += _consent_faults(settings)
    found += _network_faults(settings) + _provider_faults(settings)
    if not 1 <= settings.streets <= 256:
        found.append(f"streets = {settings.streets} does not work; use 1 to 256.")
    if settings.connections_per_address < 1 or settings.journal_days < 1:
        found.append("connections_per_address and journal_days must be at least 1.")
    if not 5 <= settings.reader_idle_seconds <= 1_800 or settings.documents_quota < 0 or settings.documents_days < 0:
        found.append("reader_idle_seconds must be 5 to 1800; documents_quota and documents_days must not be negative.")
    if settings.mail_server and urlsplit(settings.mail_server).scheme not in ("smtp", "smtps"):
        found.append("mail_server is no mail server; write it like smtp://user:password@mail.example.com:587.")
    if settings.api_per_minute < 0:
        found.append("api_per_minute must not be negative.")
    least_one = (
        "relay_max_bytes",
        "relay_timeout",
        "relay_connections_per_address",
        "retry_seconds",
        "give_up_hours",
        "imap_poll_seconds",
        "upstream_connections",
        "upstream_timeout",
    )
    found += [f"{name} must be at least 1." for name in least_one if getattr(settings, name) < 1]
    if settings.dot_prefix == settings.click_prefix or not (settings.dot_prefix + settings.click_prefix).isalnum():
        found.append("dot_prefix and click_prefix must be different words of letters and digits.")
    return found


def _provider_faults(settings: Settings) -> list[str]:
    if not settings.oidc_issuer or (_is_provider(settings.oidc_issuer) and settings.oidc_client_id):
        return []
    return ["oidc_issuer must be an address like https://id.example.com, and needs oidc_client_id beside it."]


def _is_provider(url: str) -> bool:
    """An https address with nothing behind its path; http on this machine only."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost"))
    return safe and bool(host) and parts.username is None and not parts.query and not parts.fragment


def _consent_faults(settings: Settings) -> list[str]:
    found = []
    for name, words in WORDS.items():
        if getattr(settings, name) not in words:
            found.append(f"{name} = {getattr(settings, name)!r} does not work; use {', '.join(w for w in words if w)}.")
    if settings.events_days < 0 or settings.backups_days < 0:
        found.append("events_days and backups_days must be 0 or more.")
    return found


def _network_faults(settings: Settings) -> list[str]:
    found = []
    for name in ("trusted_proxies", "relay_networks"):
        for network in getattr(settings, name):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                found.append(f"{name} holds {network!r}, which is no network; write it like 10.0.0.0/8.")
    return found
