"""What a list for an advertising platform may say of a person beside the address: what you know and told Inkdot, nothing else."""

from __future__ import annotations

import re

from inkdot.domain.errors import UsageError

NAMES = ("phone", "first_name", "last_name", "country", "postcode")
_MOST = 100
_PHONE = re.compile(r"(?:\+|00)([1-9]\d{6,14})")


def checked_detail(name: str, text: str) -> str:
    """`('phone', '+44 (0)20 7946 0958')` -> `+442079460958`; raises UsageError for what no platform could match."""
    value = " ".join(text.split())
    if len(value) > _MOST or not value.isprintable():
        raise UsageError(f"{name} is too long; it may have {_MOST} characters.")
    if name == "phone":
        found = _PHONE.fullmatch(re.sub(r"\(0\)|[\s()./-]", "", value))
        if not found:
            raise UsageError(f"{value!r} is no phone number with its country; write it like +49 30 901820.")
        return "+" + found[1]
    if name == "country":
        if not re.fullmatch(r"[A-Za-z]{2}", value):
            raise UsageError(f"{value!r} is no country; write its two letters, like DE.")
        return value.upper()
    if name == "postcode" and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 -]{1,19}", value):
        raise UsageError(f"{value!r} is no postcode.")
    if name not in NAMES:
        raise UsageError(f"{name!r} is not kept; what is kept is {', '.join(NAMES)}.")
    return value
