"""Settings, and the first steps of a new installation: how it is reached, where recipients are, how to send."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from inkdot.domain.account import Role, Scope
from inkdot.domain.consent import Mode
from inkdot.domain.errors import UsageError
from inkdot.show.pages.desk import Visit

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("How you are reached", ("public_url", "office_url", "owner")),
    ("Law and privacy", ("region", "language", "controller", "controller_mail", "privacy_link", "list_unsubscribe", "health")),
    ("How long things are kept", ("addresses", "journal_days", "events_days", "backups_days", "documents_days")),
    ("Mails and documents", ("track_opens", "track_clicks", "attachments", "never_track", "never_track_links", "utm", "sender", "colleagues")),
)  # fmt: skip
REGIONS = (
    ("eu", "European Union"), ("uk", "United Kingdom"), ("us", "United States"), ("mixed", "Several of them, or elsewhere"),
)  # fmt: skip


def settings(visit: Visit) -> Response:
    """What is set, and what it means."""
    every = {found["setting"]: found for found in visit.ask("setting_list")}
    groups = [(heading, [every.pop(name) for name in names]) for heading, names in _GROUPS]
    return visit.page(
        "settings.html", groups=groups, rest=list(every.values()), regions=dict(REGIONS), limits=list(visit.ask("consent_limits")),
        modes=[mode.name.lower() for mode in Mode],
    )  # fmt: skip


def limit_set(visit: Visit) -> Response:
    """Limit what may be kept in the workspace, of a list or on a site."""
    form = visit.form
    visit.one("consent_limit", scope=form.get("scope"), mode=form.get("mode", ""))
    return visit.back("/settings", visit.words("Written down; it counts from now on."))


def settings_change(visit: Visit) -> Response:
    """Keep what a form says; what it does not say stays."""
    form = visit.form
    known = {found["setting"]: found for found in visit.ask("setting_list")}
    said: dict[str, Any] = {name: form[name].strip() for name in form if name in known}
    for name in form.get("ticks", "").split():  # a box that is not ticked says nothing
        said.setdefault(name, "false")
    allowed = {name for _, names in _GROUPS for name in names}
    if unknown := sorted(set(said) - allowed):
        raise UsageError(f"{', '.join(unknown)} cannot be changed here; see docs/settings.md.")
    changed = visit.one("setting_set", changes=said)["changed"]
    to = "/welcome" if form.get("then") == "welcome" else "/settings"
    if not changed:
        return visit.back(to, visit.words("Nothing was different."))
    return visit.back(to, visit.words("Written down; it counts from now on."))


def welcome(visit: Visit) -> Response:
    """How to begin: the address that readers reach, the one question of the law, each way to send, a try on oneself."""
    own, test, trouble = visit.desk.facts(), None, None
    checked = visit.query("check")
    if checked and visit.signed.role is Role.OWNER:
        trouble = visit.one("public_check", url=checked)["trouble"]
    if visit.query("test") and visit.signed.may(Scope.SEND):
        test = visit.one("link_add", url=_home(visit), to=visit.signed.address, himself=True)
    region = next(s["value"] for s in visit.ask("setting_list") if s["setting"] == "region")
    ready = visit.one("try_ready")["ready"]
    return visit.page(
        "welcome.html", ready=ready, test=test, public_url=own["public_url"], checked=checked, trouble=trouble, region=region, regions=REGIONS,
    )  # fmt: skip


def welcome_mail(visit: Visit) -> Response:
    """Send whoever asks a marked mail, to be opened and watched."""
    words, to = visit.words, visit.signed.address
    text = words("Open this mail with its pictures, and click the link. Home shows both within a second.")
    visit.one("try_mail", to=to, subject=words("A test of Inkdot"), text=text, url=_home(visit))
    return visit.back("/welcome", words("A test mail is on its way to {address}.", address=to))


def _home(visit: Visit) -> str:
    own = visit.desk.facts()["office_url"]
    return f"{own}/" if own else str(visit.request.url_for("home"))
