"""Why a document stays as it came: it can neither carry a dot nor be shared."""

from __future__ import annotations

from enum import StrEnum


class Untreated(StrEnum):
    """The closed list of reasons. Each has a sentence in `SENTENCES`."""

    PDF = "pdf"
    PROTECTED = "protected"
    MACROS = "macros"
    SIGNED = "signed"
    OLD_FORMAT = "old_format"
    OTHER_FORMAT = "other_format"
    TOO_LARGE = "too_large"
    UNSAFE = "unsafe"
    DAMAGED = "damaged"
    NO_PLACE = "no_place"
    EMPTY = "empty"
    ENCODING = "encoding"
    UNREADABLE = "unreadable"
    FAILED = "failed"


SENTENCES: dict[Untreated, str] = {
    Untreated.PDF: "A PDF gets no dot, as programs that show it fetch nothing; it can be shared by a link instead.",
    Untreated.PROTECTED: "The document is password-protected.",
    Untreated.MACROS: "The document holds macros.",
    Untreated.SIGNED: "The document is signed; a mark would break the signature.",
    Untreated.OLD_FORMAT: "The document is of Word, Excel or PowerPoint 97, which can carry no dot.",
    Untreated.OTHER_FORMAT: "The document is of no kind that can carry a dot.",
    Untreated.TOO_LARGE: "The document, or a part of it, is too large to be marked.",
    Untreated.UNSAFE: "The document is made as no honest document is, and was not opened.",
    Untreated.DAMAGED: "The document is damaged.",
    Untreated.NO_PLACE: "The document has nothing on it that a dot could stand beside.",
    Untreated.EMPTY: "The file is empty.",
    Untreated.ENCODING: "The file's transfer encoding is broken or unknown.",
    Untreated.UNREADABLE: "The document cannot be shown in the reading room.",
    Untreated.FAILED: "Inkdot failed at the document; the log tells more.",
}
