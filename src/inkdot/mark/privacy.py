"""The way to the privacy page in a marked mail: a footer or a header line, and one-click unsubscribe headers (RFC 8058)."""

from __future__ import annotations

from html import unescape
from typing import NamedTuple

from inkdot.domain.consent import Mode


class Notice(NamedTuple):
    """How marked mails lead to the privacy page."""

    style: str = "off"
    """footer, header or off"""
    language: str = "en"
    one_click: bool = False
    """Add List-Unsubscribe headers to mails that have none."""


# What the footer says by mode, then the words of the link. ASCII with entities, so that every character set takes it.
_SENTENCES = {
    "en": ("The sender can see whether and when this mail is opened and its links are used.",
           "The sender counts opens and clicks of this mail without names.",
           "The sender keeps the day of your last open.", "See and stop"),
    "de": ("Der Absender kann sehen, ob und wann diese Mail ge&ouml;ffnet und ihre Links benutzt werden.",
           "Der Absender z&auml;hlt &Ouml;ffnungen und Klicks dieser Mail ohne Namen.",
           "Der Absender speichert den Tag Ihrer letzten &Ouml;ffnung.", "Ansehen und abschalten"),
    "fr": ("L&rsquo;exp&eacute;diteur peut voir si et quand ce message est ouvert et ses liens utilis&eacute;s.",
           "L&rsquo;exp&eacute;diteur compte les ouvertures et les clics de ce message sans noms.",
           "L&rsquo;exp&eacute;diteur conserve le jour de votre derni&egrave;re ouverture.", "Voir et arr&ecirc;ter"),
    "it": ("Il mittente pu&ograve; vedere se e quando questo messaggio viene aperto e i suoi link usati.",
           "Il mittente conta aperture e clic di questo messaggio senza nomi.",
           "Il mittente conserva il giorno della tua ultima apertura.", "Vedi e disattiva"),
    "es": ("El remitente puede ver si y cu&aacute;ndo se abre este mensaje y se usan sus enlaces.",
           "El remitente cuenta aperturas y clics de este mensaje sin nombres.",
           "El remitente guarda el d&iacute;a de su &uacute;ltima apertura.", "Ver y detener"),
}  # fmt: skip
LANGUAGES = tuple(_SENTENCES)


def footer(notice: Notice, mode: Mode, url: str) -> bytes:
    """The paragraph at the end of a marked mail."""
    individual, aggregate, hygiene, link = _SENTENCES[notice.language]
    says = {Mode.INDIVIDUAL: individual, Mode.HYGIENE: hygiene}.get(mode, aggregate)
    return (
        f'<p style="font-size:11px;color:#767676" lang="{notice.language}">{says} '
        f'<a href="{url}" style="color:#767676">{link}</a></p>'
    ).encode()


def is_sentence(text: bytes) -> bool:
    """It is what a footer says before its link, with entities or without, however its lines are broken."""
    return _plain(text) in _KNOWN


def _plain(text: bytes) -> str:
    return " ".join(unescape(text.decode("utf-8", "replace")).split())


_EARLIER = "The sender can see that and when this mail is opened and its links are used."
_KNOWN = frozenset([*(_plain(sentence.encode()) for says in _SENTENCES.values() for sentence in says[:3]), _EARLIER])


def header(url: str) -> bytes:
    """The header line that leads to the privacy page."""
    return f"Privacy-Choices: <{url}>".encode()


def one_click(url: str) -> tuple[bytes, bytes]:
    """The headers with which mail programs offer to unsubscribe."""
    return f"List-Unsubscribe: <{url}>".encode(), b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"
