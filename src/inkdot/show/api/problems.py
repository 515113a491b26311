"""Errors as RFC 9457 tells them: what is wrong, where to read more, and which request it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from inkdot.domain.errors import (
    BadId,
    Failure,
    InkdotError,
    NotAllowed,
    NotFound,
    SignInFirst,
    TooOften,
    UsageError,
)

PROBLEM = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem, as the reference explains it."""

    status: int
    title: str
    text: str


KINDS = {
    "malformed": Kind(400, "The request is malformed", "The body is no JSON, or the request cannot be read."),
    "sign-in": Kind(401, "Sign in first", "Send a key as 'Authorization: Bearer ...'; 'inkdot key add' makes one."),
    "not-allowed": Kind(403, "Not allowed", "The key or the role does not reach so far; see the scope of each address."),
    "not-found": Kind(404, "Not found", "There is no such thing, or it belongs to another workspace: the two are told alike."),
    "method": Kind(405, "No such method here", "The header Allow names the methods of this address."),
    "in-progress": Kind(409, "Being done", "A request with this Idempotency-Key is still being done; ask again in a moment."),
    "too-large": Kind(413, "Too large", "The body is larger than this address takes."),
    "media": Kind(415, "Wrong kind of body", "Send JSON as application/json, or the kind that the reference names."),
    "unfit": Kind(422, "The request cannot be meant", "A value is missing or does not fit; `errors` names each place."),
    "too-often": Kind(429, "Too often", "More requests than the policy allows; the header Retry-After says when to go on."),
    "fault": Kind(500, "A fault of ours", "Nothing was lost; the log of the office has the same request id."),
    "unavailable": Kind(503, "Not now", "The request is right and the world in the way, as with a full disk; try again."),
}  # fmt: skip
BY_STATUS = {kind.status: name for name, kind in KINDS.items()}


class Place(NamedTuple):
    """What does not fit, and where."""

    field: str
    message: str


class Problem(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self, name: str, detail: str, errors: Sequence[Place] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.name, self.detail, self.errors, self.headers = name, detail, errors, dict(headers or {})


def problem_of(error: InkdotError) -> Problem:
    """An error of the house as a problem."""
    match error:
        case TooOften():
            return Problem("too-often", str(error), headers={"Retry-After": str(error.seconds)})
        case SignInFirst():
            return Problem("sign-in", str(error), headers={"WWW-Authenticate": "Bearer"})
        case NotAllowed():
            return Problem("not-allowed", str(error))
        case NotFound():
            return Problem("not-found", str(error))
        case BadId() | UsageError():
            return Problem("unfit", str(error))
        case Failure():
            return Problem("unavailable", str(error), headers={"Retry-After": "1"})
        case _:
            return Problem("fault", "Something went wrong that should not have.")


def told(problem: Problem, request_id: str, office: str = "") -> Response:
    """The answer; `office` is where the reference is, as far as that is certain."""
    kind = KINDS[problem.name]
    body: dict[str, object] = {
        "type": f"{office}/api/docs#problem-{problem.name}", "title": kind.title, "status": kind.status,
        "detail": problem.detail, "request_id": request_id,
    }  # fmt: skip
    if problem.errors:
        body["errors"] = [place._asdict() for place in problem.errors]
    return Response(msgspec.json.encode(body), kind.status, problem.headers, PROBLEM)
