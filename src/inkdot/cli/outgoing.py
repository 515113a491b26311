"""Hand marked copies to an outgoing mail server."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable

from inkdot.domain.errors import BadSetting, Failure, UsageError
from inkdot.mark.blind import without_blind
from inkdot.mark.mail import Copy
from inkdot.relay.route import read_route
from inkdot.relay.upstream import Unreachable, Upstream


def upstream_of(url: str) -> Upstream:
    """The server of --smtp; its password may stand in INKDOT_SMTP_PASSWORD. Raises UsageError."""
    try:
        route = read_route(url, os.environ.get("INKDOT_SMTP_PASSWORD", ""))
    except BadSetting as error:
        raise UsageError(str(error).replace("The upstream", "--smtp")) from None
    return Upstream(route, socket.getfqdn() or "localhost", 1)


def deliver(upstream: Upstream, sender: str, copies: Iterable[Copy]) -> list[tuple[str, str | None]]:
    """(address, None or what the server said) per copy. Raises Failure where the server cannot be used at all."""
    results: list[tuple[str, str | None]] = []
    for copy in copies:
        try:
            with upstream.line() as line:
                answer = line.hand_over(sender, copy.to, [without_blind(copy.content)])
        except Unreachable as error:
            if results:
                results.append((copy.to, str(error)))
                continue
            raise Failure(f"No mail was sent: {error}; check --smtp and try again.") from error
        taken = 200 <= answer.code < 300
        results.append((copy.to, None if taken else f"refused: {answer.code} {answer.text}"))
    return results
