"""The envelope: who sends a mail to whom, and what its copies are made with. The first line of its spool file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from inkdot.domain.ids import MessageId


@dataclass(frozen=True, slots=True)
class Envelope:
    """Fixed when a mail is accepted, so that each try makes the same copies."""

    message: MessageId
    accepted: int
    """Unix seconds; the marks carry it too."""
    sender: str
    """The reverse path, empty for reports."""
    recipients: tuple[str, ...]
    """Forward paths, as the mail program wrote them."""
    account: str | None = None
    """Who handed it in; None for a trusted network or for us."""
    login: str | None = None
    """The mail program's own upstream credentials, sealed; None where ours are used."""
    via: str = ""
    """The address whose route is taken, where the sender is empty."""
    utf8: bool = False
    """The mail program said SMTPUTF8: header lines may hold more than ASCII."""
    unmarked: bool = False
    """A report of ours: leaves as it is."""

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Envelope:
        """The way back; raises ValueError."""
        fields = json.loads(line)
        try:
            return cls(**fields | {"message": MessageId(fields["message"]), "recipients": tuple(fields["recipients"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no envelope: {error}") from error
