"""The pieces that go into parts, and how they are found and taken out again. Every piece carries the sign of ours."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

_IMAGE = {"transitional": "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image",
          "strict": "http://purl.oclc.org/ooxml/officeDocument/relationships/image"}  # fmt: skip
_R = {"transitional": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
      "strict": "http://purl.oclc.org/ooxml/officeDocument/relationships"}  # fmt: skip
_A = {"transitional": "http://schemas.openxmlformats.org/drawingml/2006/main",
      "strict": "http://purl.oclc.org/ooxml/drawingml/main"}  # fmt: skip
SIGN = "Inkdot read receipt"
"""The picture's name and description: to be seen by everyone who looks for it, screen readers too."""
_ID = re.compile(rb"\bId\s*=\s*[\"']([^\"']+)[\"']")
OPENED, MADE = b' xmlns:iko="urn:inkdot:opened"', b' xmlns:iko="urn:inkdot:made"'
"""Said of a piece that stands in what was an empty element like `<w:p/>`; and of a part that was not there before."""
_OUR_RELATIONSHIP = re.compile(rb'<(?:[\w.-]+:)?Relationship(?: xmlns:iko="[^"]*")? Id="rIdInkdot\d+"[^>]*/>')
_OURS = re.compile(
    rb"<(?P<tag>ik:[rp]|iks:pic|ikx:oneCellAnchor|ikd:frame|ikt:p|ikt:shapes)\b(?:(?!<(?P=tag)\b).)*?" + SIGN.encode() + rb"(?:(?!</(?P=tag)>).)*</(?P=tag)>", re.DOTALL
)  # fmt: skip
"""Ends at its own end tag, whatever is asked for behind it: what stands between two pieces is not ours."""
_IN_OPENED = re.compile(rb">(?:" + _OURS.pattern + rb"|(?:" + _OUR_RELATIONSHIP.pattern + rb")+)</[\w.:-]+>", re.DOTALL)


class Splice(NamedTuple):
    """Bytes to be put at an offset, in the place of `drop` bytes."""

    at: int
    text: bytes
    drop: int = 0


def spliced(content: bytes, splices: list[Splice]) -> bytes:
    """The content with all pieces put in."""
    pieces, last = [], 0
    for splice in sorted(splices):
        pieces += [content[last : splice.at], splice.text]
        last = splice.at + splice.drop
    return b"".join([*pieces, content[last:]])


def cleaned(content: bytes) -> bytes:
    """The content without pieces of ours; what was an empty element is one again."""
    content = _IN_OPENED.sub(lambda found: b"/>" if OPENED in found[0] else found[0], content)
    return _OUR_RELATIONSHIP.sub(b"", _OURS.sub(b"", content))


def opened(piece: bytes) -> bytes:
    """A piece of ours for an element that was empty."""
    name, rest = piece.split(b" ", 1)
    return name + OPENED + b" " + rest


def _graphic(kind: str, relation: str) -> str:
    """A picture that is only linked: no copy of it lies in the file, so it is fetched each time."""
    return (
        f'<ika:blip xmlns:ika="{_A[kind]}" xmlns:ikr="{_R[kind]}" ikr:link="{relation}"/>'
        f'<ika:stretch xmlns:ika="{_A[kind]}"><ika:fillRect/></ika:stretch>'
    )


_SHAPE = '<ika:xfrm xmlns:ika="{a}"><ika:off x="0" y="0"/><ika:ext cx="9525" cy="9525"/></ika:xfrm><ika:prstGeom xmlns:ika="{a}" prst="rect"><ika:avLst/></ika:prstGeom>'


def word_run(kind: str, number: int, relation: str) -> bytes:
    """A run with a picture of a pixel behind the text, at the corner of the page."""
    strict = kind == "strict"
    w = (
        "http://purl.oclc.org/ooxml/wordprocessingml/main"
        if strict
        else "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    )
    wp = (
        "http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing"
        if strict
        else "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    )
    pic = (
        "http://purl.oclc.org/ooxml/drawingml/picture"
        if strict
        else "http://schemas.openxmlformats.org/drawingml/2006/picture"
    )
    a = _A[kind]
    name = f'id="{number}" name="{SIGN}" descr="{SIGN}"'
    return (
        f'<ik:r xmlns:ik="{w}"><ik:drawing><ikp:anchor xmlns:ikp="{wp}" distT="0" distB="0" distL="0" distR="0" simplePos="0" '
        'relativeHeight="1" behindDoc="1" locked="0" layoutInCell="1" allowOverlap="1"><ikp:simplePos x="0" y="0"/>'
        '<ikp:positionH relativeFrom="page"><ikp:posOffset>0</ikp:posOffset></ikp:positionH>'
        '<ikp:positionV relativeFrom="page"><ikp:posOffset>0</ikp:posOffset></ikp:positionV>'
        f'<ikp:extent cx="9525" cy="9525"/><ikp:effectExtent l="0" t="0" r="0" b="0"/><ikp:wrapNone/><ikp:docPr {name}/>'
        f'<ikp:cNvGraphicFramePr/><ika:graphic xmlns:ika="{a}"><ika:graphicData uri="{pic}"><ikc:pic xmlns:ikc="{pic}">'
        f"<ikc:nvPicPr><ikc:cNvPr {name}/><ikc:cNvPicPr/></ikc:nvPicPr><ikc:blipFill>{_graphic(kind, relation)}</ikc:blipFill>"
        f"<ikc:spPr>{_SHAPE.format(a=a)}</ikc:spPr></ikc:pic></ika:graphicData></ika:graphic></ikp:anchor></ik:drawing></ik:r>"
    ).encode()


def slide_picture(kind: str, number: int, relation: str) -> bytes:
    """A picture of a pixel in the corner of a slide."""
    p = (
        "http://purl.oclc.org/ooxml/presentationml/main"
        if kind == "strict"
        else "http://schemas.openxmlformats.org/presentationml/2006/main"
    )
    return (
        f'<iks:pic xmlns:iks="{p}"><iks:nvPicPr><iks:cNvPr id="{number}" name="{SIGN}" descr="{SIGN}"/><iks:cNvPicPr/><iks:nvPr/></iks:nvPicPr>'
        f"<iks:blipFill>{_graphic(kind, relation)}</iks:blipFill><iks:spPr>{_SHAPE.format(a=_A[kind])}</iks:spPr></iks:pic>"
    ).encode()


def sheet_namespace(kind: str) -> str:
    """Of drawings in sheets."""
    return (
        "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing"
        if kind == "strict"
        else "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
    )


def sheet_anchor(kind: str, number: int, relation: str) -> bytes:
    """A picture of a pixel at a sheet's first cell."""
    x = sheet_namespace(kind)
    return (
        f'<ikx:oneCellAnchor xmlns:ikx="{x}"><ikx:from><ikx:col>0</ikx:col><ikx:colOff>0</ikx:colOff><ikx:row>0</ikx:row><ikx:rowOff>0</ikx:rowOff></ikx:from>'
        f'<ikx:ext cx="9525" cy="9525"/><ikx:pic><ikx:nvPicPr><ikx:cNvPr id="{number}" name="{SIGN}" descr="{SIGN}"/><ikx:cNvPicPr/></ikx:nvPicPr>'
        f"<ikx:blipFill>{_graphic(kind, relation)}</ikx:blipFill><ikx:spPr>{_SHAPE.format(a=_A[kind])}</ikx:spPr></ikx:pic><ikx:clientData/></ikx:oneCellAnchor>"
    ).encode()


def odf_frame(url: str, anchor: str) -> bytes:
    """A linked picture of a hundredth of a centimetre in a text or a drawing."""
    return (
        '<ikd:frame xmlns:ikd="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:iksvg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" '
        'xmlns:ikt="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        f'ikd:name="{SIGN}" {anchor} iksvg:x="0cm" iksvg:y="0cm" iksvg:width="0.03cm" iksvg:height="0.03cm">'
        f'<ikd:image xmlns:ikl="http://www.w3.org/1999/xlink" ikl:href={quoteattr(url)} ikl:type="simple" ikl:show="embed" ikl:actuate="onLoad"/></ikd:frame>'
    ).encode()


def with_relationships(content: bytes | None, kind: str, urls: dict[str, str], others: str = "") -> bytes:
    """A relationships part with our links (id -> address), and whole further relationships."""
    if content is None:
        content = (
            b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
            + MADE
            + b"></Relationships>"
        )
    more = "".join(
        f'<Relationship Id="{relation}" Type="{_IMAGE[kind]}" Target={quoteattr(url)} TargetMode="External"/>'
        for relation, url in urls.items()
    )
    text = (others + more).encode()
    at = content.rfind(b"</")
    if at < 0 or not content[at:].rstrip().endswith(b">"):  # <Relationships .../>
        at = content.rfind(b"/>")
        name: bytes = re.findall(rb"<((?:[\w.-]+:)?Relationships)\b", content)[-1]
        text = opened(_prefixed(text, name))
        return content[:at] + b">" + text + b"</" + name + b">" + content[at + 2 :]
    prefix = re.match(rb"</([\w.-]+:)?Relationships", content[at:])
    return content[:at] + _prefixed(text, prefix[0][2:] if prefix else b"") + content[at:]


def _prefixed(relationships: bytes, parent: bytes) -> bytes:
    """Relationships named as their parent is."""
    prefix, colon, _ = parent.rpartition(b":")
    named: bytes = b"<" + prefix + colon + b"Relationship "
    return relationships.replace(b"<Relationship ", named)


def free_relation(content: bytes | None, count: int) -> list[str]:
    """Ids for new relationships that no other has."""
    used = set(_ID.findall(content or b""))
    found: list[str] = []
    number = 1
    while len(found) < count:
        name = f"rIdInkdot{number}"
        if name.encode() not in used:
            found.append(name)
        number += 1
    return found
