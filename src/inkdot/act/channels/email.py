"""A mail: to the owner, or to the person whom an event is about, if that person agreed."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from inkdot.act.channels import Undelivered

Post = Callable[[str, str, bytes], tuple[int, str]]
"""(sender, recipient, mail) -> (SMTP code, what was said); code 0 where no server could be reached."""


def deliver(
    post: Post | None,
    sender: str,
    to: str,
    subject: str,
    text: str,
    message: str,
    time: float,
    leave: str | None = None,
) -> str:
    """Send it; `leave` is the page where the person says no more. Raises Undelivered.

    The same delivery has the same Message-ID, so that a mail program shows one that came twice once.
    """
    if post is None or not sender:
        raise Undelivered("No mail can be sent: set upstream and owner in inkdot.toml.")
    mail = EmailMessage(SMTP)
    mail["From"] = f"Inkdot <{sender}>"
    mail["To"] = to
    mail["Subject"] = " ".join(subject.split())[:300]
    mail["Date"] = formatdate(time)
    mail["Message-ID"] = f"<{message}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    if leave:
        mail["List-Unsubscribe"] = f"<{leave}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        text = f"{text}\n\nNo more of these: {leave}"
    mail.set_content(text)
    code, said = post(sender, to, mail.as_bytes())
    if not 200 <= code < 300:
        raise Undelivered(f"{code} {said}" if code else said, permanent=code >= 500)
    return f"{code} {said}"
