"""Mails of our own, through the mail door's upstream."""

from __future__ import annotations

from inkdot.act.channels.email import Post
from inkdot.app.folder import Folder
from inkdot.app.post_office import own_name, routes_of
from inkdot.relay.oauth import KNOWN, Tokens
from inkdot.relay.route import LoginBy, Route
from inkdot.relay.upstream import Unreachable, Upstream
from inkdot.settings import Settings


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
        upstream = upstreams.setdefault(route, Upstream(route, own_name(settings), token_of(route)))
        try:
            with upstream.line() as line:
                answer = line.hand_over(sender, to, [mail])
        except Unreachable as error:
            return 0, str(error)
        return answer.code, answer.text

    def token_of(route: Route):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as Upstream wants it
        if route.login is not LoginBy.XOAUTH2:
            return None
        s = settings
        url = s.oauth_token_url or KNOWN.get(route.host, "")
        kept = folder.root / f"oauth-{route.host}.json"
        return Tokens(url, s.oauth_client_id, s.oauth_client_secret, s.oauth_refresh_token, kept).access

    return post
