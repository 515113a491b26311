"""Notices: how somebody who signs in wants to be told."""

from __future__ import annotations

from typing import Any

import msgspec

from inkdot.show.api.call import Call


def show_notices(call: Call) -> dict[str, Any]:
    """One's own wishes, and of whom one wants to hear nothing."""
    return call.one("notice_show", user=_user(call))


def set_notices(call: Call) -> dict[str, Any]:
    """As a whole: what is left out is as if it had never been wished."""
    return call.one("notice_set", user=_user(call), wish=msgspec.to_builtins(call.body))


def mute_person(call: Call) -> dict[str, Any]:
    """No notices about a person any more."""
    return call.one("notice_mute", user=_user(call), person=call.path["person"], quiet=True)


def unmute_person(call: Call) -> dict[str, Any]:
    """About a person again."""
    return call.one("notice_mute", user=_user(call), person=call.path["person"], quiet=False)


def _user(call: Call) -> int | None:
    return -call.principal.asker if call.principal.asker < 0 else None
