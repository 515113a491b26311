"""Marking, links, websites and people, wired: what programs ask the office for. The command line has the same core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from itertools import count
from typing import Any

from inkdot.app.acting import Acting
from inkdot.app.consent import Register, choice, publish, scope_named
from inkdot.app.folder import Folder
from inkdot.app.marking import fresh_id, keep_copies, keep_link, mint_of, public_url_of
from inkdot.app.portrait import choice_json
from inkdot.domain.consent import Mode, mode_named
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.details import checked_detail
from inkdot.domain.errors import MailUnreadable, NotFound, UsageError
from inkdot.domain.ids import (
    LINK,
    MESSAGE,
    PERSON,
    SITE,
    ContactId,
    MessageId,
    SiteId,
    WorkspaceId,
    from_word,
    to_word,
)
from inkdot.domain.own_browser import OWN_FOR_SECONDS, own_address
from inkdot.mark.mail import Copy, read_mail
from inkdot.mark.mint import Mint
from inkdot.mark.reasons import SENTENCES
from inkdot.mark.site import domain_of, server_key, server_key_number, site_key, snippet
from inkdot.settings import Settings
from inkdot.show.questions import here
from inkdot.store.contract import iso
from inkdot.store.control import Control
from inkdot.store.sites import Goal, Site, Sites

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = (
    "mail_mark", "mail_show", "mail_name", "link_add", "own_browser", "site_add", "site_list", "site_goal", "site_server_key", "people", "person_show", "people_know", "consent_log", "consent_set",
    "consent_withdraw", "consent_limits", "consent_limit",
)  # fmt: skip
"""What may be asked; each is a method of Sending."""
_MOST_RECIPIENTS = 100
_SECOND = 1_000_000


class Sending:
    """One folder's marks and people, for programs."""

    def __init__(
        self, folder: Folder, settings: Settings, control: Control, sites: Sites, register: Register, acting: Acting
    ) -> None:
        self._folder, self._settings, self._control = folder, settings, control
        self._sites, self._register, self._acting = sites, register, acting

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    # -- mails and links

    def mail_mark(self, what: Asked) -> Answer:
        """Mark `mail`, the bytes of one, for each address in `to`; `list` names the list it goes to."""
        recipients = list(dict.fromkeys(normal_address(str(a)) for a in what.get("to") or ()))
        if not 1 <= len(recipients) <= _MOST_RECIPIENTS:
            raise UsageError(f"Name 1 to {_MOST_RECIPIENTS} recipients.")
        workspace = here(what)
        modes = {a: self._register.mode_for(a, what.get("list"), workspace=workspace).mode for a in recipients}
        try:
            mail = read_mail(bytes(what["mail"]), self._mint(what))
        except MailUnreadable as error:  # here the mail is what was asked, not the world
            raise UsageError(str(error)) from error
        message = MessageId(fresh_id())
        copies = keep_copies(self._control, mail, modes, message, what.get("list"))
        yield {"message": to_word(MESSAGE, message), "copies": [_copy_json(copy) for copy in copies]}

    def mail_show(self, what: Asked) -> Answer:
        """One marked mail: what was kept of it."""
        number = MessageId(from_word(MESSAGE, str(what.get("message", ""))))
        kept = self._control.message(number)
        if kept is None or self._control.workspace_of_message(number) != here(what):
            raise NotFound(f"There is no mail {what.get('message')}.")
        yield {
            "message": to_word(MESSAGE, number), "subject": kept.subject, "marked": iso(kept.marked * _SECOND),
            "internet_id": kept.internet_id, "recipients": list(kept.recipients), "links": list(kept.links),
        }  # fmt: skip

    def mail_name(self, what: Asked) -> Answer:
        """Keep the `internet_id` under which a marked mail left: programs that add it after marking are found by it, and so are replies."""
        (kept,) = self.mail_show(what)
        name = str(what.get("internet_id", ""))
        if kept["internet_id"] not in (None, name):
            raise UsageError(f"{kept['message']} left under another Message-ID.")
        self._control.name_message(MessageId(from_word(MESSAGE, kept["message"])), name)
        yield kept | {"internet_id": name}

    def link_add(self, what: Asked) -> Answer:
        """A tracked link to `url` for the person `to`; `himself`, if that is who asks for it."""
        address = normal_address(str(what.get("to", "")))
        mode = self._register.mode_for(address, workspace=here(what), himself=bool(what.get("himself"))).mode
        number, url = keep_link(self._control, self._mint(what), address, mode, str(what.get("url", "")))
        yield {"link": to_word(LINK, number), "url": url, "to": address}

    def own_browser(self, what: Asked) -> Answer:
        """An address that makes a browser the sender's own, good for an hour."""
        mint, until = self._mint(what), int(time.time()) + OWN_FOR_SECONDS
        yield {"url": own_address(mint.public_url, mint.keyring, here(what), until), "until": iso(until * _SECOND)}

    def _mint(self, what: Asked) -> Mint:
        public = public_url_of(self._folder, self._settings)
        return mint_of(self._settings, self._folder.keyring(), public, here(what))

    # -- websites

    def site_add(self, what: Asked) -> Answer:
        """A website's key and lines, by its `domain`; asked again, the same."""
        workspace, domain = here(what), domain_of(str(what.get("domain", "")))
        site = self._sites.site_of(domain, workspace)
        if site is None:
            number, made = SiteId(fresh_id()), int(time.time())
            site = Site(number, domain, made, site_key(self._mint(what), number, domain, made))
            site = self._sites.keep_site(site, workspace)
            self._acting.changed()
        yield self._site_json(site, what)

    def site_list(self, what: Asked) -> Answer:
        """All websites, or one `site`."""
        if what.get("site"):
            yield self._site_json(self._site(what), what)
            return
        for site in self._sites.sites(here(what)):
            yield self._site_json(site, what)

    def site_goal(self, what: Asked) -> Answer:
        """Keep a goal of a `site`: `name`, and `page`, `event` or `seconds`; or `remove` it."""
        site, name = self._site(what), str(what.get("name", ""))
        ways = [(kind, str(what[kind])) for kind in ("page", "event", "seconds") if what.get(kind) is not None]
        if what.get("remove"):
            if all(goal.name != name for goal in self._sites.goals(site.id)):
                raise NotFound(f"There is no goal {name!r}.")
            self._sites.forget_goal(site.id, name)
        elif len(ways) != 1 or not name:
            raise UsageError("Name the goal and say one way to reach it: page, event or seconds.")
        else:
            self._sites.keep_goal(site.id, Goal(name, *ways[0]))
        yield self._site_json(site, what)

    def site_server_key(self, what: Asked) -> Answer:
        """The key of a `site`'s servers, with `agreed` for visitors who agreed; with `revoke` a new one, and older ones are refused."""
        site, book = self._site(what), self._register.book
        revoked = set(book.retired())
        place = next(n for n in count() if server_key_number(site.id, n) not in revoked)
        if what.get("revoke"):
            book.retire_one(server_key_number(site.id, place), int(time.time()))
            publish(self._folder, book)
            place += 1
        mode = self._register.widest(site.domain, asked=bool(what.get("agreed")), workspace=here(what)).mode
        number = server_key_number(site.id, place)
        agreed = bool(what.get("agreed"))
        key = server_key(self._mint(what), site.id, site.domain, site.made, mode, number, asked=agreed)
        yield {"site": to_word(SITE, site.id), "server_key": key, "revoked": place}

    def _site(self, what: Asked) -> Site:
        word = str(what.get("site", ""))
        number = from_word(SITE, word) if word.startswith(f"{SITE}_") else None
        for site in self._sites.sites(here(what)):
            if number == site.id or (number is None and site.domain == word):
                return site
        raise NotFound(f"There is no site {word}.")

    def _site_json(self, site: Site, what: Asked) -> dict[str, Any]:
        wait, mint = bool(what.get("wait")), self._mint(what)
        mode = self._register.widest(site.domain, asked=wait, workspace=here(what)).mode
        key = site_key(mint, site.id, site.domain, site.made, mode, asked=wait)
        tag = files("inkdot.collect").joinpath("static", "v1", "t.min.js").read_bytes()
        return {
            "site": to_word(SITE, site.id), "domain": site.domain, "key": key,
            "snippet": snippet(mint.public_url, key, tag, wait=wait),
            "goals": [goal._asdict() for goal in self._sites.goals(site.id)],
        }  # fmt: skip

    # -- people

    def people(self, what: Asked) -> Answer:
        """People by address, `after` one, `limit` of them, whose address holds `search`."""
        limit = int(what.get("limit") or 100)
        for contact, address in self._control.people_behind(
            here(what), str(what.get("after") or ""), str(what.get("search") or "").lower(), limit
        ):
            yield {"person": address, "id": to_word(PERSON, contact)}

    def person_show(self, what: Asked) -> Answer:
        """One person who is known; raises NotFound."""
        address = self._known(what)
        contact = self._register.contact(address, here(what))
        mode = self._register.mode_for(address, workspace=here(what))
        yield {
            "person": address, "id": to_word(PERSON, contact), "mode": mode.mode.name.lower(), "because": mode.sentence,
            "tags": self._acting.audiences.tags_of(here(what), contact),
            "details": self._acting.audiences.details_of(here(what), contact),
        }  # fmt: skip

    def people_know(self, what: Asked) -> Answer:
        """Keep what is known of `people`, by address: phone, names, country, postcode; nothing of whom nothing may be kept.

        Who was not known is from now on. `anew`: what was known of them before and is not among it is forgotten.
        """
        workspace, known, spared = here(what), dict[ContactId, dict[str, str]](), 0
        contacts: dict[tuple[WorkspaceId, ContactId], Address] = {}
        for written, details in dict(what.get("people") or {}).items():
            address = normal_address(str(written))
            checked = {
                name: checked_detail(name, str(text)) for name, text in details.items() if str(text or "").strip()
            }
            if self._register.mode_for(address, workspace=workspace).mode is Mode.OFF:
                spared += 1
                continue
            contact = self._register.contact(address, workspace)
            known[contact], contacts[workspace, contact] = checked, address
        self._control.remember_contacts(contacts)
        self._acting.audiences.keep_details(workspace, known, anew=bool(what.get("anew")))
        yield {"people": len(known), "left_out": spared}

    def consent_log(self, what: Asked) -> Answer:
        """What a person chose, oldest first."""
        address = normal_address(str(what.get("person", "")))
        for made in self._register.book.choices_of(here(what), self._register.contact(address, here(what))):
            yield choice_json(made)

    def consent_set(self, what: Asked) -> Answer:
        """Write down what a person chose: `mode`, `scope`, and the proof: `text`, `version`, `language`, `method`, `form`."""
        address, mode = normal_address(str(what.get("person", ""))), mode_named(str(what.get("mode", "")))
        made = choice(
            address, "set", mode, scope_named(str(what.get("scope") or "")), str(what.get("method") or "api"),
            wording=str(what.get("text") or ""), version=str(what.get("version") or ""),
            language=str(what.get("language") or ""), form=str(what.get("form") or ""),
        )  # fmt: skip
        self._register.keep([made], here(what))
        yield self._mode(address, what)

    def consent_withdraw(self, what: Asked) -> Answer:
        """Keep nothing more about a person."""
        address = normal_address(str(what.get("person", "")))
        made = choice(address, "withdraw", mode_named("off"), "", str(what.get("method") or "api"))
        self._register.keep([made], here(what))
        yield self._mode(address, what)

    def consent_limits(self, what: Asked) -> Answer:
        """The widest modes of the workspace, of lists and of sites, whatever people chose."""
        for scope, mode in self._register.book.rules(here(what)).items():
            yield {"scope": scope or "workspace", "mode": mode.name.lower()}

    def consent_limit(self, what: Asked) -> Answer:
        """Limit what may be kept in `scope` to `mode`; individual is no limit."""
        scope, mode = scope_named(str(what.get("scope") or "")), mode_named(str(what.get("mode", "")))
        if scope.startswith("purpose:"):
            raise UsageError("A limit is for workspace, list:NAME or site:DOMAIN; purposes are for people alone.")
        self._register.limit(scope, mode, here(what))
        yield {"scope": scope or "workspace", "mode": mode.name.lower()}

    def _mode(self, address: Address, what: Asked) -> dict[str, Any]:
        decision = self._register.mode_for(address, workspace=here(what))
        return {"person": address, "mode": decision.mode.name.lower(), "because": decision.sentence}

    def _known(self, what: Asked) -> Address:
        address = normal_address(str(what.get("person", "")))
        if self._control.contact_of(address, here(what)) is None:
            raise NotFound(f"Nobody is known as {address}.")
        return address


def _copy_json(copy: Copy) -> dict[str, Any]:
    alone = copy.left_alone
    return {
        "to": copy.to, "mail": copy.content, "dots": list(copy.dots),
        "links": [{"href": link.href, "url": link.url} for link in copy.links], "privacy": copy.privacy,
        "mode": copy.mode.name.lower(), "left_alone": alone and {"reason": alone, "text": SENTENCES[alone]},
        "warnings": list(copy.warnings),
    }  # fmt: skip
