"""Documents of a few pages, made to find out what a program does with linked pictures."""

from __future__ import annotations

import io
import zipfile

PAGES = 8
KINDS = ("docx", "odt")
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_FORMATS = "application/vnd.openxmlformats-officedocument"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_FIRST = "Leave this page open for 20 seconds, then turn the pages one by one, about three seconds each."


def document(kind: str) -> bytes:
    """A document of PAGES pages, of one of KINDS."""
    parts = {"docx": _docx, "odt": _odt}[kind]()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            file.writestr(zipfile.ZipInfo(name), text, stored)
    return out.getvalue()


def _texts() -> list[str]:
    return [f"Page {n} of {PAGES}. {_FIRST if n == 1 else ''}" for n in range(1, PAGES + 1)]


def _relationships(*targets: tuple[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def _types(*parts: tuple[str, str]) -> str:
    rows = "".join(f'<Override PartName="{name}" ContentType="{_FORMATS}.{media}+xml"/>' for name, media in parts)
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{rows}</Types>'
    )


def _docx() -> dict[str, str]:
    broken = '<w:r><w:br w:type="page"/></w:r>'
    pages = "".join(
        f"<w:p>{broken if n else ''}<w:r><w:t>{text}</w:t></w:r></w:p><w:p/>" for n, text in enumerate(_texts())
    )
    main = f'{_XML}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{pages}<w:sectPr/></w:body></w:document>'
    return {
        "[Content_Types].xml": _types(("/word/document.xml", "wordprocessingml.document.main")),
        "_rels/.rels": _relationships(("officeDocument", "word/document.xml")),
        "word/document.xml": main,
    }


def _odt() -> dict[str, str]:
    media = "application/vnd.oasis.opendocument.text"
    pages = "".join(
        f'{"<text:soft-page-break/>" if n else ""}<text:p text:style-name="{"next" if n else "first"}">{text}</text:p>'
        for n, text in enumerate(_texts())
    )
    styles = (
        '<style:style style:name="first" style:family="paragraph"/><style:style style:name="next" style:family="paragraph">'
        '<style:paragraph-properties fo:break-before="page"/></style:style>'
    )
    return {
        "mimetype": media,
        "content.xml": f'{_XML}<office:document-content xmlns:office="{_ODF}:office:1.0" xmlns:text="{_ODF}:text:1.0" xmlns:style="{_ODF}:style:1.0" '
        f'xmlns:fo="{_ODF}:xsl-fo-compatible:1.0" office:version="1.2"><office:automatic-styles>{styles}</office:automatic-styles>'
        f"<office:body><office:text>{pages}</office:text></office:body></office:document-content>",
        "META-INF/manifest.xml": f'{_XML}<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0" manifest:version="1.2"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{media}"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
    }
