"""The way to the privacy page in a marked document: the dot's description, and where it is wanted a last paragraph to be read."""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from inkdot.domain.consent import Mode
from inkdot.mark.document.places import Element
from inkdot.mark.document.splice import SIGN
from inkdot.mark.document.spots import Spot, inserting, last_in
from inkdot.mark.privacy import Notice

_WORDS = {
    "en": ("The sender can see whether and when this document is opened.", "The sender counts how often this document is opened, without names.",
           "The sender keeps the day on which you last opened something.", "See and stop"),
    "de": ("Der Absender kann sehen, ob und wann dieses Dokument geöffnet wird.", "Der Absender zählt ohne Namen, wie oft dieses Dokument geöffnet wird.",
           "Der Absender speichert den Tag, an dem Sie zuletzt etwas geöffnet haben.", "Ansehen und abschalten"),
    "fr": ("L’expéditeur peut voir si et quand ce document est ouvert.", "L’expéditeur compte sans noms les ouvertures de ce document.",
           "L’expéditeur conserve le jour de votre dernière ouverture.", "Voir et arrêter"),
    "it": ("Il mittente può vedere se e quando questo documento viene aperto.", "Il mittente conta senza nomi le aperture di questo documento.",
           "Il mittente conserva il giorno della tua ultima apertura.", "Vedi e disattiva"),
    "es": ("El remitente puede ver si y cuándo se abre este documento.", "El remitente cuenta sin nombres las aperturas de este documento.",
           "El remitente guarda el día de su última apertura.", "Ver y detener"),
}  # fmt: skip
_DESCRIBED = f'descr="{SIGN}"'.encode()


class Way(NamedTuple):
    """Where a marked document leads whoever wants to see and stop what is kept."""

    url: str
    language: str
    visible: bool
    """A last paragraph of Word files and OpenDocument texts says it, too."""
    mode: Mode = Mode.INDIVIDUAL

    @property
    def sentence(self) -> tuple[str, str]:
        """What is said, and the words of the link."""
        individual, aggregate, hygiene, link = _WORDS[self.language]
        return {Mode.INDIVIDUAL: individual, Mode.HYGIENE: hygiene}.get(self.mode, aggregate), link


def way_of(notice: Notice, mode: Mode, url: str) -> Way:
    """The way to the privacy page at `url`; everybody sees it where mails have a footer."""
    return Way(url, notice.language, notice.style == "footer", mode)


def described(content: bytes, way: Way) -> bytes:
    """A part with our dots in it: what programs tell of a picture leads to the privacy page."""
    said = f"{SIGN}. {way.sentence[1]}: {way.url}"
    content = content.replace(_DESCRIBED, f"descr={quoteattr(said)}".encode("ascii", "xmlcharrefreplace"))
    told = f"<iksvg:desc>{escape(said)}</iksvg:desc></ikd:frame>".encode("ascii", "xmlcharrefreplace")
    return content.replace(b"</ikd:frame>", told)


def word_notice(content: bytes, part: str, kind: str, way: Way) -> Spot | None:
    """A last paragraph of a Word file."""
    return _last(content, part, "body", "sectPr", _word_paragraph(kind, way))


def text_notice(content: bytes, way: Way) -> Spot | None:
    """A last paragraph of an OpenDocument text; none in other OpenDocument files."""
    return _last(content, "content.xml", "text", "", _odf_paragraph(way))


def _last(content: bytes, part: str, parent: str, before: str, piece: bytes) -> Spot | None:
    found: tuple[Element, int, bool] | None = last_in(content, part, parent, before)
    if found is None:
        return None
    element, at, empty = found
    return Spot(part, inserting(content, element, at, "", lambda *_: piece, empty=empty))


def _word_paragraph(kind: str, way: Way) -> bytes:
    says, link = map(escape, way.sentence)
    namespace = (
        "http://purl.oclc.org/ooxml/wordprocessingml/main"
        if kind == "strict"
        else "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    )
    look = '<ik:rPr><ik:color ik:val="767676"/><ik:sz ik:val="16"/>{}</ik:rPr>'
    plain, underlined = look.format(""), look.format('<ik:u ik:val="single"/>')
    instruction = escape(f' HYPERLINK "{way.url}" \\o "{SIGN}" ')
    field = '<ik:r><ik:fldChar ik:fldCharType="{}"/></ik:r>'
    return (
        f'<ik:p xmlns:ik="{namespace}"><ik:r>{plain}<ik:t xml:space="preserve">{says} </ik:t></ik:r>{field.format("begin")}'
        f'<ik:r><ik:instrText xml:space="preserve">{instruction}</ik:instrText></ik:r>{field.format("separate")}'
        f"<ik:r>{underlined}<ik:t>{link}</ik:t></ik:r>{field.format('end')}</ik:p>"
    ).encode("ascii", "xmlcharrefreplace")


def _odf_paragraph(way: Way) -> bytes:
    says, link = map(escape, way.sentence)
    return (
        '<ikt:p xmlns:ikt="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:iko="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        f'xmlns:ikl="http://www.w3.org/1999/xlink">{says} <ikt:a ikl:type="simple" ikl:href={quoteattr(way.url)} '
        f'iko:title="{SIGN}">{link}</ikt:a></ikt:p>'
    ).encode("ascii", "xmlcharrefreplace")
