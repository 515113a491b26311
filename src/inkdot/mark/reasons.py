"""Why a mail is left alone: what must not be touched, and what offers no safe place."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum

from inkdot.mark import mime
from inkdot.mark.transfer import Unreadable, reader


class LeftAlone(StrEnum):
    """Why a mail was not marked. Each has a sentence in `SENTENCES`."""

    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    CALENDAR = "calendar"
    REPORT = "report"
    TEXT_ONLY = "text_only"
    DKIM_SIGNED = "dkim_signed"
    NO_SAFE_PLACE = "no_safe_place"
    NO_BLANK_LINE = "no_blank_line"
    CHARSET = "charset"
    ENCODING = "encoding"
    SWITCHED_OFF = "switched_off"
    CONSENT = "consent"
    TOO_COMPLEX = "too_complex"
    UNREADABLE = "unreadable"
    FAILED = "failed"


SENTENCES: dict[LeftAlone, str] = {
    LeftAlone.SIGNED: "The mail is signed; a mark would break the signature.",
    LeftAlone.ENCRYPTED: "The mail is encrypted; nothing can be put into it.",
    LeftAlone.CALENDAR: "The mail is an invitation; calendar programs may refuse it with marks.",
    LeftAlone.REPORT: "The mail is an automatic report or answer.",
    LeftAlone.TEXT_ONLY: "The mail is plain text; it has no place for a dot.",
    LeftAlone.DKIM_SIGNED: "The mail already carries a DKIM signature, which a mark would break.",
    LeftAlone.NO_SAFE_PLACE: "The mail's HTML is empty or never closed; there is no safe place for a dot.",
    LeftAlone.NO_BLANK_LINE: "No blank line stands between the mail's headers and its text.",
    LeftAlone.CHARSET: "The mail's character set cannot be marked safely.",
    LeftAlone.ENCODING: "The mail's transfer encoding is broken or unknown.",
    LeftAlone.SWITCHED_OFF: "Tracking is switched off for this mail.",
    LeftAlone.CONSENT: "The recipient's consent does not cover any mark.",
    LeftAlone.TOO_COMPLEX: "The mail has more parts, or nests them deeper, than any mail program makes.",
    LeftAlone.UNREADABLE: "The mail's parts cannot be told apart.",
    LeftAlone.FAILED: "Inkdot failed to mark it; the log tells more.",
}

_PGP = re.compile(rb"(?m)^-----BEGIN PGP (MESSAGE|SIGNED MESSAGE)-----")
_STATEFUL = re.compile(r"utf.?(16|32|7)|hz|iso.?2022.(?!jp)|ucs")


def reason_of(source: bytes, root: mime.Part) -> LeftAlone | None:
    """Why this mail must be left alone, if it must."""
    if root.too_complex:
        return LeftAlone.TOO_COMPLEX
    if not root.blank_line:
        return LeftAlone.NO_BLANK_LINE
    for part in root.walk():
        if reason := _reason_of_part(source, part):
            return reason
    if (root.get("auto-submitted") or "no").strip().lower() != "no":
        return LeftAlone.REPORT
    if root.get("dkim-signature") is not None:
        return LeftAlone.DKIM_SIGNED
    parts = html_parts(root)
    if not parts:
        return LeftAlone.TEXT_ONLY
    if not all(_ends_as_it_should(p) for p in root.walk()):
        return LeftAlone.NO_SAFE_PLACE
    return None if all(charset_works(p.charset) for p in parts) else LeftAlone.CHARSET


def _reason_of_part(source: bytes, part: mime.Part) -> LeftAlone | None:
    kind = part.content_type
    if kind == "multipart/signed":
        return LeftAlone.SIGNED
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return LeftAlone.SIGNED if part.parameter("smime-type") == "signed-data" else LeftAlone.ENCRYPTED
    if kind == "multipart/encrypted":
        return LeftAlone.ENCRYPTED
    if kind == "text/calendar":
        return LeftAlone.CALENDAR
    if kind == "multipart/report":
        return LeftAlone.REPORT
    if kind.startswith("text/") and not part.children:
        armor = _armor(source, part)
        if armor:
            return LeftAlone.ENCRYPTED if armor[1] == b"MESSAGE" else LeftAlone.SIGNED
    return None


def _armor(source: bytes, part: mime.Part) -> re.Match[bytes] | None:
    """PGP's own frame in a text, also behind a transfer encoding."""
    found = _PGP.search(source, part.body, part.end)
    if found is None and part.encoding in ("base64", "quoted-printable"):
        try:
            return _PGP.search(reader(part.encoding, source[part.body : part.end], b"\n").text)
        except Unreadable:
            return None
    return found


def _ends_as_it_should(part: mime.Part) -> bool:
    """A part of headers alone may lack the blank line, as long as it is no HTML that a dot would go into."""
    empty = part.body == part.end and part.content_type != "text/html"
    return part.closed and (part.blank_line or empty)


def html_parts(root: mime.Part) -> list[mime.Part]:
    """The HTML that is shown."""
    return shown_parts(root, "text/html")


def shown_parts(root: mime.Part, kind: str) -> list[mime.Part]:
    """Parts of a content type that are shown: no attachments, nothing inside an attached container."""
    if root.attached:
        return []
    if not root.children:
        return [root] if root.content_type == kind else []
    return [part for child in root.children for part in shown_parts(child, kind)]


def charset_works(charset: str) -> bool:
    """It is known, and ASCII stands in it as ASCII."""
    try:
        return not _STATEFUL.match(charset) and not _STATEFUL.match(codecs.lookup(charset).name)
    except LookupError:
        return False
