"""The sender's switch: `[notrack]` in the subject or `X-Inkdot: off` turns marks off for one mail, and leaves with it unseen.

Every way to send asks here: the mail door, `mail mark`, `mail send`, `Marker` and Django.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re

from inkdot.mark import mime
from inkdot.mark.transfer import Splice

_TAG = re.compile(r"(?i)\s?\[notrack\]")
_TAG_BYTES = re.compile(rb"(?i)[ \t]?\[notrack\]")
_WORD = re.compile(rb"=\?([\w*+-]+)\?([QqBb])\?([^?\s]*)\?=")


def switched_off(source: bytes, root: mime.Part) -> list[Splice]:
    """What takes the switch out of the headers; nothing if it is not there.

    A mail with a DKIM signature keeps it where it is: it is never marked, and taking it out would break the signature.
    """
    changes = []
    for header in root.headers:
        line = source[header.start : header.end]
        if header.name == "x-inkdot" and header.value.strip().lower() == "off":
            changes.append(Splice(header.start, header.end, b""))
        elif header.name == "subject":
            cleaned = _WORD.sub(_without_tag, _TAG_BYTES.sub(b"", line))
            if cleaned != line:
                changes.append(Splice(header.start, header.end, cleaned))
    return changes if root.get("dkim-signature") is None else []


def _without_tag(word: re.Match[bytes]) -> bytes:
    """An encoded word (RFC 2047) without the tag, in the same encoding; as it was if it holds none or cannot be read."""
    charset, encoding, content = word[1].decode().partition("*")[0], word[2].upper(), word[3]
    try:
        raw = base64.b64decode(content) if encoding == b"B" else quopri.decodestring(content, header=True)
        text = raw.decode(charset)
        if not _TAG.search(text):
            return word[0]
        fresh = _TAG.sub("", text).lstrip().encode(charset)
    except (LookupError, ValueError, binascii.Error):
        return word[0]
    return b"=?%b?B?%b?=" % (word[1], base64.b64encode(fresh))
