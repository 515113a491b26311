"""The arguments of MAIL and RCPT."""

from __future__ import annotations

import re
from typing import NamedTuple

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress

_PATH = re.compile(r"(?i)^(FROM|TO):[ \t]*<([^<>\s]*)>(?:[ \t]+(.*))?$")


class Path(NamedTuple):
    """`FROM:<ada@example.com> SIZE=7`."""

    address: str
    options: tuple[tuple[str, str], ...]
    """(NAME, value)"""


def read_path(argument: str, word: str) -> Path | None:
    """The path behind FROM or TO; None if it is written otherwise."""
    found = _PATH.match(argument)
    if not found or found[1].upper() != word:
        return None
    options = (option.partition("=") for option in (found[3] or "").split())
    return Path(found[2], tuple((name.upper(), value) for name, _, value in options))


def proper(address: str) -> bool:
    """A mail address that can be marked for and handed on; quoted local parts and bracketed domains are not."""
    try:
        address.encode()  # what came in as broken UTF-8 cannot go out
        normal_address(address)
    except (UnicodeEncodeError, BadAddress):
        return False
    return True
