"""PDFs: no program that shows them fetches a picture, so they get no dot, but a line that leads to their reader."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from inkdot.domain.consent import Mode
from inkdot.mark.document.mapped import Content, blocks

_SEARCHED = 1_024
"""Programs look for a PDF's sign in so many bytes, and so does the room."""
_SIGNED = re.compile(rb"\n%inkdot (\d{1,15}) ([0-9a-f]{32})\n$")
_WORDS = {
    "en": ("Read online at {}.", "There the sender sees which pages you read; this file itself tells nothing.",
           "There pages are counted without names; this file itself tells nothing."),
    "de": ("Online lesen auf {}.", "Dort sieht der Absender, welche Seiten Sie lesen; diese Datei selbst meldet nichts.",
           "Dort wird ohne Namen gezählt; diese Datei selbst meldet nichts."),
    "fr": ("Lire en ligne sur {}.", "L'expéditeur y voit les pages que vous lisez ; ce fichier ne signale rien.",
           "Les pages y sont comptées sans noms ; ce fichier ne signale rien."),
    "it": ("Leggi online su {}.", "Lì il mittente vede quali pagine leggi; questo file non comunica nulla.",
           "Lì si conta senza nomi; questo file non comunica nulla."),
    "es": ("Leer en línea en {}.", "Allí el remitente ve qué páginas lee; este archivo no comunica nada.",
           "Allí se cuenta sin nombres; este archivo no comunica nada."),
}  # fmt: skip


class Line(NamedTuple):
    """What stands at the foot of the first page."""

    link: str
    more: str


def is_pdf(source: Content) -> bool:
    """True for a PDF, though something may stand before it."""
    return b"%PDF-" in source[:_SEARCHED]


def line(url: str, language: str, mode: Mode) -> Line:
    """The words of the line that leads to `url`."""
    link, individual, otherwise = _WORDS[language]
    return Line(link.format(urlsplit(url).hostname or url), individual if mode is Mode.INDIVIDUAL else otherwise)


def signed(content: bytes, original: bytes) -> bytes:
    """A PDF that begins with its original, with a note of where that ends."""
    digest = hashlib.blake2b(original, digest_size=16).hexdigest()
    return content.rstrip() + f"\n%inkdot {len(original)} {digest}\n".encode()


def size_without_line(source: Content) -> int | None:
    """How much of a PDF was there before a line of ours was appended; None if there is none."""
    found = _SIGNED.search(source[-80:])
    if not found:
        return None
    digest, size = hashlib.blake2b(digest_size=16), int(found[1])
    for block in blocks(source, 0, min(size, len(source))):
        digest.update(block)
    return size if digest.hexdigest().encode() == found[2] else None
