"""The few files that websites fetch from the street: read once, answered from memory, cached by browsers."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import NamedTuple

_TYPES = {".js": "text/javascript; charset=utf-8"}


class File(NamedTuple):
    """One file, ready to be answered."""

    body: bytes
    headers: str
    """Its own header lines."""
    etag: bytes


def shipped(names: dict[bytes, str]) -> dict[bytes, File]:
    """Files of `static/` by their addresses, those that this version has: `{b"/t.js": "v1/t.js"}`."""
    folder = files("inkdot.collect").joinpath("static")
    found = {address: folder.joinpath(*name.split("/")) for address, name in names.items()}
    return {address: _file(f.name, f.read_bytes()) for address, f in found.items() if f.is_file()}


def _file(name: str, body: bytes) -> File:
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    kind = _TYPES[name[name.rindex(".") :]]
    headers = (
        f"Content-Type: {kind}\r\nETag: {etag}\r\nAccess-Control-Allow-Origin: *\r\n"
        "Cross-Origin-Resource-Policy: cross-origin\r\nX-Content-Type-Options: nosniff\r\n"
    )
    return File(body, headers, etag.encode())
