"""Mails of our own: through the mail door's upstream, or the server for codes."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from email.utils import parseaddr

from inkdot.act.channels.email import Post
from inkdot.app.folder import Folder
from inkdot.app.post_office import own_name, routes_of, upstream_of
from inkdot.domain.contact import Address
from inkdot.domain.errors import Failure
from inkdot.relay.route import LoginBy, Route, read_route
from inkdot.relay.upstream import Unreachable, Upstream
from inkdot.settings import Settings

Send = Callable[[Address, str, str], None]
"""Sends a plain mail: to, subject, text. Raises Failure."""
_MAIL_SECONDS = 20
_NOT_SENT = "The mail could not be sent. Try again later, or tell the sender."


def poster(folder: Folder, settings: Settings) -> Post | None:
    """What hands a mail to the upstream; None if there is none. Raises BadSetting."""
    if not settings.upstream:
        return None
    routes = routes_of(settings)
    upstreams: dict[Route, Upstream] = {}

    def post(sender: str, to: str, mail: bytes) -> tuple[int, str]:
        route = routes.of(sender)
        if route.login is LoginBy.CLIENT:
            return (
                0,
                "The upstream takes only the logins of mail programs; give it a user of its own for mails of rules.",
            )
        upstream = upstreams.setdefault(route, upstream_of(folder, settings, route))
        try:
            with upstream.line() as line:
                answer = line.hand_over(sender, to, [mail])
        except Unreachable as error:
            return 0, str(error)
        return answer.code, answer.text

    return post


def mailer(settings: Settings) -> Send | None:
    """Sends mails through the server of the settings; None without one. It raises BadSetting where that is none."""
    if not settings.mail_server:
        return None

    def send(to: Address, subject: str, text: str) -> None:
        route = read_route(settings.mail_server)
        sender = settings.mail_from or f"inkdot@{route.host}"
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail.set_content(text)
        try:
            with Upstream(route, own_name(settings), 1, seconds=_MAIL_SECONDS).line() as line:
                answer = line.hand_over(parseaddr(sender)[1], to, [mail.as_bytes()])
                line.close()
        except Unreachable as error:
            raise Failure(_NOT_SENT) from error
        if not answer.accepted:
            raise Failure(_NOT_SENT)

    return send
