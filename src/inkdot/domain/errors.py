"""Every error Inkdot raises on purpose, one tree.

InkdotError
|- UsageError          the caller asked for something that cannot be meant   (exit 2, HTTP 4xx)
|  |- BadAddress      not a mail address
|  |- BadId           not an identifier of the expected kind
|  |- BadRule         a trigger's or audience's rule cannot work
|  |- NotFound        nothing of that name, or nothing that this asker may know of   (HTTP 404)
|  |- SignInFirst     nobody is signed in, or by the wrong password or key           (HTTP 401)
|  |  `- CodeWanted   the password is right, the second factor is missing
|  |- NotAllowed      the role or key does not reach so far                          (HTTP 403)
|  |- TooOften        tried too often; says when to try again                        (HTTP 429)
|  `- BadSetting      a setting has a wrong value
`- Failure            the wish is clear, the world is in the way             (exit 1)
   |- FolderInUse     another process owns the data folder
   |- NewerData       the data was written by a newer program
   |- StoreDamaged    the event store cannot be read
   |- JournalStopped  the disk refused a record; nothing may be acknowledged
   |- KeysMissing     the folder has data but no keys
   |- MailUnreadable  the mail cannot be parsed
   |- DocumentRefused  the file must not or cannot be marked
   `- DocumentUnreadable  the file cannot be shown

Messages are whole sentences that say what to do; they are shown to users as they are.
"""

from __future__ import annotations

from inkdot.domain.untreated import Untreated


class InkdotError(Exception):
    """Root of all errors raised on purpose."""


class UsageError(InkdotError):
    """The request itself is wrong."""


def unreadable(path: object, error: OSError) -> UsageError:
    """The sentence about a file that was named and cannot be read."""
    return UsageError(f"{path} cannot be read: {error.strerror or error}.")


class BadAddress(UsageError):
    """Not a mail address."""


class BadId(UsageError):
    """Not an identifier of the expected kind."""


class BadRule(UsageError):
    """A rule cannot work; the message names every place to mend."""


class NotFound(UsageError):
    """There is nothing of that name, or nothing that the asker may know of: the two are told alike."""


class SignInFirst(UsageError):
    """Nobody is signed in, or the password, code or key is wrong."""


class CodeWanted(SignInFirst):
    """The password is right, and a code of the second factor is needed with it."""


class NotAllowed(UsageError):
    """The role or the key does not reach so far, or the request came from another website."""


class TooOften(UsageError):
    """Tried too often; `seconds` says when to try again."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class BadSetting(UsageError):
    """A setting has a value that cannot work."""


class Failure(InkdotError):
    """The request is right, but it cannot be done now."""


class FolderInUse(Failure):
    """Another process owns the data folder."""


class NewerData(Failure):
    """The data was written by a newer program."""


class StoreDamaged(Failure):
    """The event store cannot be read any more."""


class JournalStopped(Failure):
    """The disk refused a record, so nothing may be acknowledged."""


class KeysMissing(Failure):
    """The folder holds data but not the keys that signed its tokens."""


class MailUnreadable(Failure):
    """The mail cannot be parsed."""


class DocumentRefused(Failure):
    """The file must not or cannot be marked; `why` is the reason in one word."""

    def __init__(self, message: str, why: Untreated = Untreated.DAMAGED) -> None:
        super().__init__(message)
        self.why = why


class DocumentUnreadable(Failure):
    """The file cannot be shown."""
