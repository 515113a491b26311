"""Words of an address that people choose, like a mail address or the name of a list: slashes may be in them, and anything else."""

from __future__ import annotations

import re

from starlette.convertors import PathConvertor, register_url_convertor

_CHOSEN = re.compile(r"{(person|name|campaign|audience|goal|rest)}")


class _Name(PathConvertor):
    """As a path, but not empty, and over the ends of lines, too."""

    regex = r"[\s\S]+"


register_url_convertor("name", _Name())


def whole(path: str) -> str:
    """A path of a route in which the words that people choose are taken whole; routes that go on must stand before it."""
    return _CHOSEN.sub(r"{\1:name}", path)
