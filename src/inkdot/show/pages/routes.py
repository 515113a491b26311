"""Every page's address, on one page: what is shown, what is changed, and who may."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from inkdot.domain.account import Role
from inkdot.show.pages import (
    entering,
    mailing,
    passkeys,
    persons,
    provider,
    rules,
    running,
    sessions,
    settings,
    sharing,
    things,
)
from inkdot.show.pages.desk import Desk, Visit
from inkdot.show.paths import whole

Handler = Callable[[Visit], Response]
_PAGES: tuple[tuple[str, Handler], ...] = (
    ("/", persons.home), ("/feed", persons.feed), ("/people", persons.people), ("/people/{person}", persons.person),
    ("/unopened", persons.silent), ("/events/{event}", persons.event),
    ("/mails", things.mails), ("/mails/{message}", things.mail), ("/campaigns", things.campaigns),
    ("/campaigns/{campaign}", things.campaign), ("/documents", things.documents),
    ("/documents/{document}", things.document), ("/sites", things.sites), ("/sites/{domain}", things.site),
    ("/leads", things.leads), ("/triggers", rules.triggers), ("/audiences", rules.audiences),
    ("/audiences/{name}", rules.audience), ("/webhooks", rules.webhooks),
    ("/health", running.health), ("/team", running.team), ("/me", running.me), ("/views", sharing.views), ("/welcome", settings.welcome),
)  # fmt: skip
_CHANGES: tuple[tuple[str, Role, Handler], ...] = (
    ("/logout", Role.VIEWER, entering.logout),
    ("/me", Role.VIEWER, running.me_change),
    ("/me/sessions", Role.VIEWER, sessions.session_change),
    ("/me/passkeys/ask", Role.VIEWER, passkeys.passkey_ask),
    ("/me/passkeys", Role.VIEWER, passkeys.passkey_change),
    ("/sample", Role.OWNER, persons.sample_remove),
    ("/events/{event}", Role.MEMBER, persons.correct),
    ("/people/{person}/erase", Role.OWNER, persons.person_erase),
    ("/people/{person}", Role.VIEWER, persons.person_change),
    ("/documents/{document}", Role.MEMBER, things.document_change),
    ("/sites", Role.MEMBER, things.site_add),
    ("/sites/{domain}", Role.MEMBER, things.site_change),
    ("/triggers", Role.MEMBER, rules.trigger_change),
    ("/unopened", Role.MEMBER, rules.remind),
    ("/audiences", Role.MEMBER, rules.audience_change),
    ("/webhooks", Role.MEMBER, rules.webhook_change),
    ("/team", Role.OWNER, running.team_change),
    ("/views", Role.MEMBER, sharing.view_change),
    ("/settings", Role.OWNER, settings.settings_change),
    ("/mail-program", Role.OWNER, mailing.mail_program_change),
    ("/settings/limit", Role.OWNER, settings.limit_set),
    ("/welcome", Role.MEMBER, settings.welcome_mail),
    ("/health", Role.OWNER, running.health_check),
)
_FOR_OWNERS: tuple[tuple[str, Handler], ...] = (
    ("/audit", running.audit), ("/settings", settings.settings), ("/mail-program", mailing.mail_program),
)  # fmt: skip
_ASKING_A_ROLE: tuple[tuple[str, Role, Handler], ...] = (
    ("/people/{person}/export", Role.OWNER, persons.person_export),
    ("/audiences/{name}/export", Role.OWNER, rules.audience_file),
    ("/webhooks/{delivery}", Role.MEMBER, rules.delivery),
    ("/mail-program/{name}.mobileconfig", Role.OWNER, mailing.mail_profile),
    ("/addons/{file}", Role.VIEWER, entering.addon),
)


def page_routes(desk: Desk) -> list[BaseRoute]:
    """The pages of one office."""
    by_key = passkeys.PasskeyEntrance(desk)
    entrance, shared = entering.Entrance(desk), sharing.SharedDoor(desk)
    outside = provider.ProviderEntrance(desk)

    async def static(request: Request) -> Response:
        return desk.static(request)

    async def choose(request: Request) -> Response:
        return desk.choose(request)

    return [
        Route("/login", desk.polite(entrance.login), methods=["GET", "POST"]),
        Route("/login/passkey/ask", desk.polite(by_key.ask), methods=["POST"]),
        Route("/login/passkey", desk.polite(by_key.login), methods=["POST"]),
        Route("/login/provider", desk.polite(outside.begin)),
        Route("/login/provider/back", desk.polite(outside.back)),
        Route("/login/provider/code", desk.polite(outside.code), methods=["POST"]),
        Route("/setup/{token}", desk.polite(entrance.setup), methods=["GET", "POST"]),
        Route("/shared/{token}", desk.polite(shared.answer), methods=["GET", "POST"]),
        Route("/static/{name}", static),
        Route("/choose", choose),
        *(Route(whole(path), desk.for_role(role, handler)) for path, role, handler in _ASKING_A_ROLE),
        *(
            Route(whole(path), desk.for_role(Role.VIEWER, handler), methods=["GET"], name=handler.__name__)
            for path, handler in _PAGES
        ),
        *(Route(path, desk.for_role(Role.OWNER, handler), methods=["GET"]) for path, handler in _FOR_OWNERS),
        *(Route(whole(path), desk.for_role(role, handler), methods=["POST"]) for path, role, handler in _CHANGES),
    ]
