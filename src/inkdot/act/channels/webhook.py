"""Webhooks: the event as JSON, signed as Standard Webhooks say."""

from __future__ import annotations

from collections.abc import Sequence

from inkdot.act.channels import Gone, Undelivered
from inkdot.act.reach import Answer, Reach
from inkdot.act.signing import headers

_OURS = {"Content-Type": "application/json", "User-Agent": "Inkdot-Webhooks/1"}
_TRY_AGAIN = (408, 409, 425, 429)


def deliver(reach: Reach, url: str, secrets: Sequence[str], message: str, timestamp: int, body: bytes) -> str:
    """POST it; `timestamp` in unix seconds is that of this try. Raises Undelivered."""
    return judged(reach.post(url, body, _OURS | headers(secrets, message, timestamp, body)))


def judged(answer: Answer) -> str:
    """What a status means: 2xx arrived, 410 wants no more, a redirect is not followed, all else is tried again."""
    said = f"HTTP {answer.status}"
    if 200 <= answer.status < 300:
        return said
    if answer.status == 410:
        raise Gone(f"{said}: it wants no more messages.")
    if 300 <= answer.status < 400:
        raise Undelivered(f"{said}: redirects are not followed; give the final address.")
    wait = answer.retry_after if answer.status in _TRY_AGAIN or answer.status >= 500 else None
    raise Undelivered(f"{said}.", wait=wait)
