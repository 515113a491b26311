"""A website's key and the lines that go into its pages."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from urllib.parse import urlsplit

from inkdot.domain.consent import Mode
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import ContactId, SiteId
from inkdot.domain.token import Token, TokenKind
from inkdot.mark.mint import Mint

_DOMAIN = re.compile(r"(?=.{1,200}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


def domain_of(text: str) -> str:
    """`https://www.Example.com:8080/shop` -> `example.com`; raises UsageError.

    `www.` and the port go: a site is its domain and all that is below it.
    """
    word = text.strip().lower()
    try:
        host = urlsplit(word if "//" in word else f"//{word}").hostname or ""
        if ":" not in host:
            host = host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        host = ""
    host = host.rstrip(".").removeprefix("www.")
    if not _DOMAIN.fullmatch(host) and host != "::1":
        raise UsageError(f"{text!r} is no domain; write it like example.com.")
    return host


def site_key(
    mint: Mint, site: SiteId, domain: str, made: int, mode: Mode = Mode.INDIVIDUAL, *, asked: bool = False
) -> str:
    """The key that a site's pages send along; it says itself whose it is, so nothing need be looked up.

    `asked`: it is for people who were asked and agreed.
    """
    return _key(mint, site, domain, made, mode, 2 * asked, 0)


def server_key(
    mint: Mint, site: SiteId, domain: str, made: int, mode: Mode, number: int, *, asked: bool = False
) -> str:
    """A key that is believed about whose an event is, and stands in no page; `number`: by which it can be revoked."""
    return _key(mint, site, domain, made, mode, 1 + 2 * asked, number)


def server_key_number(site: SiteId, place: int) -> int:
    """The number of the first, second ... key for a site's servers."""
    digest = hashlib.blake2b(b"%d.%d" % (site, place), digest_size=8, person=b"inkdot-servers").digest()
    return int.from_bytes(digest, "big") >> 1 | 1


def _key(mint: Mint, site: SiteId, domain: str, made: int, mode: Mode, part: int, number: int) -> str:
    return mint.keyring.sign(
        Token(TokenKind.SITE, mode, mint.workspace, part, made, site, ContactId(number), None, domain.encode())
    )


def snippet(public_url: str, key: str, tag: bytes, *, wait: bool = False) -> str:
    """The lines for the pages; `tag` is the script whose hash they pin, `wait` holds everything back until consent."""
    base = html.escape(public_url.rstrip("/"), quote=True)
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(tag).digest()).decode()
    consent = ' data-consent="wait"' if wait else ""
    script = f'<script async src="{base}/t.js" data-site="{key}"{consent} integrity="{integrity}" crossorigin="anonymous"></script>'
    image = (
        f'<noscript><img src="{base}/e.gif?s={key}" alt="" width="1" height="1" '
        'referrerpolicy="no-referrer-when-downgrade"></noscript>'
    )
    return script if wait else f"{script}\n{image}"
