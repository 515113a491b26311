"""Older marks of ours in a quoted text, wherever they stand.

Written out, in comments, in attributes that programs add, and behind the addresses that mail gateways put before links.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection, Iterator

from inkdot.domain.message import HONEYPOT_PART
from inkdot.domain.token import Token, TokenKind
from inkdot.mark import html, mime, privacy
from inkdot.mark.mint import Mint
from inkdot.mark.transfer import Plain, Splice, Unreadable, reader

_ADDRESS = re.compile(rb"(?i)https?(?::|%3a)[^\s\"'<>\[\](){}]{60,16000}")
_OURS = re.compile(rb"(?i)https?://[^/?#]+/(?:[\w.~-]+/){0,5}[A-Za-z0-9_-]{60,}(?:\.gif)?(?:[?#].*)?")
_NOTICE = re.compile(
    rb"(?i)<p\b[^<>]*>([^<>]*)<a\b[^<>]*\bhref\s*=\s*[\"']?(https?://[^<>\"'\s]+)[^<>]*>[^<>]*</a>\s*</p>(?:\r?\n)?"
)
_BRACKETS = {b"<": b">", b"[": b"]", b"(": b")"}


def of_mail(token: Token | None) -> bool:
    """It was put into a mail when that was marked, and means nothing in another one."""
    return token is not None and token.kind in (TokenKind.DOT, TokenKind.CLICK, TokenKind.PRIVACY)


def leads(token: Token) -> bytes | None:
    """Where a tracked link led; None for marks that led nowhere."""
    return token.destination if token.kind is TokenKind.CLICK and token.part != HONEYPOT_PART else None


def older_marks(text: bytes, mint: Mint, besides: Collection[int] = ()) -> Iterator[tuple[int, int, Token]]:
    """(start, end, token) of each in a decoded text, those left out that begin at one of `besides`."""
    for found in _ADDRESS.finditer(text):
        start, address = found.start(), found[0]
        if start in besides:
            continue
        ours = _OURS.match(address)
        if ours and of_mail(token := mint.own(ours[0])):
            yield start, start + ours.end(), token  # type: ignore[misc]
        elif of_mail(token := mint.within(address)):
            yield start, found.end(), token  # type: ignore[misc]


def in_html(text: bytes, mint: Mint, charset: str, besides: Collection[int]) -> Iterator[Splice]:
    """What takes them out of HTML, beside the links and pictures that were found as such."""
    for start, end, token in older_marks(text, mint, besides):
        destination = leads(token) or b""
        yield Splice(
            start, end, html.escape(holdable(destination, charset), b'"').replace(b"<", b"&lt;").replace(b"'", b"&#39;")
        )


def notices(text: bytes, mint: Mint) -> Iterator[Splice]:
    """What takes the footers out that led recipients of older copies to their privacy pages."""
    for found in _NOTICE.finditer(text):
        token = mint.own(html.unescape(found[2]))
        if token and token.kind is TokenKind.PRIVACY and privacy.is_sentence(found[1]):
            yield Splice(found.start(), found.end(), b"")


def cleaned_text(part: mime.Part, encoded: bytes, mint: Mint, eol: bytes) -> bytes | None:
    """A plain text, in its transfer encoding, without them; None if there are none."""
    if part.encoding == "quoted-printable" and not any(older_marks(binascii.a2b_qp(encoded), mint)):
        return None  # the usual case, found out a hundred times as fast
    try:
        transfer = reader(part.encoding, encoded, eol)
    except Unreadable:
        return None
    text, changes = transfer.text, []
    charset = "us-ascii" if isinstance(transfer, Plain) and part.encoding not in ("8bit", "binary") else part.charset
    for start, end, token in older_marks(text, mint):
        destination = leads(token)
        if destination is None and text[end : end + 1] == _BRACKETS.get(text[start - 1 : start], b"-"):
            start, end = start - 1, end + 1  # noqa: PLW2901 - nothing stays between the brackets
        changes.append(Splice(start, end, holdable(destination or b"", charset)))
    return transfer.spliced(changes) if changes else None


def holdable(destination: bytes, charset: str) -> bytes:
    """An address, percent-encoded where the text's character set cannot hold it."""
    try:
        destination.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return re.sub(rb"[\x80-\xff]", lambda m: b"%%%02X" % m[0][0], destination)
    return destination
