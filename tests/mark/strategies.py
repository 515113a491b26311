"""HTML, transfer encodings and character sets as Hypothesis draws them."""

from __future__ import annotations

import base64
import quopri

from hypothesis import strategies as st

from tests.mark.cast import mail

HOSTS = st.sampled_from(["https://example.com/", "http://www.example.com:8080/a?", "HTTPS://EXAMPLE.com/#"])
TAILS = st.text(
    st.characters(
        min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f", exclude_categories=["Cc", "Cs", "Zs"]
    ),
    max_size=120,
)
DESTINATIONS = st.builds(lambda host, tail: (host + tail).encode(), HOSTS, TAILS)
"""Web addresses with everything that may stand in one: references, quotes, equals signs, letters beyond ASCII."""

WORDS = st.sampled_from(
    [b"Hello ", b"caf\xc3\xa9 ", b"=3D=", b"&copy; ", b"a < b ", b"\r\n", b"x" * 74, b"y" * 76 + b"\r\n", b"\t "]
)
ASIDES = st.sampled_from(
    [b"<p>", b"</p>", b"<br/>", b'<img src="cid:x" alt="a>b">', b"<!-- <a href='https://example.com/'> -->", b"<![if x]>",
     b"<style>a{}</style>", b'<a href="mailto:ada@example.com">m</a>', b"<td width=3 b c='<'>"],
)  # fmt: skip
ENCODINGS = st.sampled_from(["8bit", "quoted-printable", "base64"])


def encoded(html: bytes, encoding: str) -> bytes:
    """The mail of an HTML text in a transfer encoding."""
    ways = {
        "8bit": lambda: html,
        "quoted-printable": lambda: quopri.encodestring(html.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n"),
        "base64": lambda: base64.encodebytes(html).replace(b"\n", b"\r\n"),
    }
    return mail(html=ways[encoding](), encoding=encoding.encode())


def anchor(destination: bytes, quote: bytes) -> bytes:
    """A link in the usual spelling."""
    value = destination.replace(b"&", b"&amp;")
    value = value.replace(quote, b"&quot;" if quote == b'"' else b"&#39;")
    return b"<a class=x href=" + quote + value + quote + b">link</a>"


LINKS = st.builds(anchor, DESTINATIONS, st.sampled_from([b'"', b"'"]))
PAGES = st.builds(
    lambda pieces, shell: shell[0] + b"Dear Ben, " + b"".join(pieces) + shell[1],
    st.lists(LINKS | WORDS | ASIDES, max_size=14),
    st.sampled_from([(b"", b""), (b"<html><BODY a='>'>", b"</body></html>\r\n"), (b"<!doctype html><p>", b"</p>\r\n")]),
)
