"""Mails of our own: through the mail door's upstream, or the server for codes."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from inkdot.act.channels.email import Post
from inkdot.app.folder import Folder
from inkdot.app.post_office import own_name, routes_of
from inkdot.domain.contact import Address
from inkdot.domain.errors import Failure
from inkdot.relay.oauth import KNOWN, Tokens
from inkdot.relay.route import LoginBy, Route
from inkdot.relay.upstream import Unreachable, Upstream
from inkdot.settings import Settings

Send = Callable[[Address, str, str], None]
"""Sends a plain mail: to, subject, text. Raises Failure."""
_MAIL_SECONDS = 20


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
        upstream = upstreams.setdefault(
            route, Upstream(route, own_name(settings), settings.upstream_connections, token_of(route))
        )
        try:
            with upstream.line() as line:
                answer = line.hand_over(sender, to, [mail])
        except Unreachable as error:
            return 0, str(error)
        return answer.code, answer.text

    def token_of(route: Route) -> Callable[[str], str] | None:
        if route.login is not LoginBy.XOAUTH2:
            return None
        s = settings
        url = s.oauth_token_url or KNOWN.get(route.host, "")
        kept = folder.root / f"oauth-{route.host}.json"
        return Tokens(url, s.oauth_client_id, s.oauth_client_secret, s.oauth_refresh_token, kept).access

    return post


def mailer(settings: Settings) -> Send | None:
    """Sends mails through the server of the settings; None without one."""
    if not settings.mail_server:
        return None
    parts = urlsplit(settings.mail_server)

    def send(to: Address, subject: str, text: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = settings.mail_from or f"inkdot@{parts.hostname}", to, subject
        mail.set_content(text)
        kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        port = parts.port or (465 if parts.scheme == "smtps" else 587)
        try:
            with kind(parts.hostname or "", port, timeout=_MAIL_SECONDS) as server:
                if kind is smtplib.SMTP and server.ehlo()[0] == 250 and server.has_extn("starttls"):
                    server.starttls()
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise Failure("The mail could not be sent. Try again later, or tell the sender.") from error

    return send
