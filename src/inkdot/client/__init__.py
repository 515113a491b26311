"""A client of the API: typed, of the standard library alone, safe to ask again.

    from inkdot.client import Client

    inkdot = Client("http://127.0.0.1:8000", key)
    marked = inkdot.mark(mail, to=["ben@example.com"])
    for event in inkdot.events(person="ben@example.com"):
        print(event["time"], event["kind"], event["human"])

What it answers is described in `inkdot.domain.wire`. Every changing request carries an Idempotency-Key of its own, so it is asked
again where the connection broke or the office was busy, and still done once.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from inkdot.client.asking import ApiError, Asking, Told, Unreachable, word
from inkdot.domain import wire, wire_acting

__all__ = ["ApiError", "Client", "Told", "Unreachable", "content_of"]


class Client(Asking):
    """One office, with one key."""

    # -- events

    def events(
        self, *, person: str | None = None, kind: wire.Kind | None = None, since: str | None = None
    ) -> Iterator[wire.Event]:
        """Oldest first, however many; `since` like 7d, 2026-11-23."""
        yield from self._pages("/events", {"person": person, "kind": kind, "since": since})

    def latest(self, count: int = 100, kind: wire.Kind | None = None) -> list[wire.Event]:
        """The newest events, oldest first."""
        return list(self._get("/events", {"last": count, "kind": kind})["data"])

    def explain(self, event: str) -> wire.Explanation:
        """An event with the rules that fired and a sentence for each field."""
        return self._get(f"/events/{word(event)}")  # type: ignore[no-any-return]

    def correct(self, event: str, says: Literal["human", "machine", "me"], because: str) -> wire.Explanation:
        """You know better."""
        return self._send("POST", f"/events/{word(event)}/correction", {"says": says, "because": because})  # type: ignore[no-any-return]

    def forget_correction(self, event: str) -> wire.Explanation:
        """The rules were right after all."""
        return self._send("DELETE", f"/events/{word(event)}/correction")  # type: ignore[no-any-return]

    def corrections(self) -> Iterator[wire.Corrected]:
        """What people knew better."""
        yield from self._pages("/corrections", {})

    def live(self, *, kinds: Iterable[str] = (), machines: bool = True, place: str | None = None) -> Iterator[Told]:
        """Events as they come; goes on where it was cut off. Never ends by itself."""
        yield from self._watched({"kind": ",".join(kinds) or None, "machines": str(machines).lower()}, place)

    # -- mails and links

    def mark(self, mail: bytes | Message, to: Iterable[str], list_name: str | None = None) -> wire.Marked:
        """One marked copy per recipient; `content_of` gives the bytes of one."""
        content = mail if isinstance(mail, bytes) else mail.as_bytes()
        body = {"mail": base64.b64encode(content).decode(), "to": list(to), "list": list_name}
        return self._send("POST", "/messages", body)  # type: ignore[no-any-return]

    def messages(self, *, since: str | None = None, internet_id: str | None = None) -> Iterator[wire.MailReport]:
        """Mails with their intervals, the latest first, however many: of 30 days, or what left under one Message-ID."""
        yield from self._pages("/messages", {"since": since, "internet_id": internet_id})

    def message(self, message: str) -> wire.Message:
        """One mail and what became of it."""
        return self._get(f"/messages/{word(message)}")  # type: ignore[no-any-return]

    def left_as(self, message: str, internet_id: str) -> wire.Message:
        """Say under which Message-ID a mail left, where your program makes it after marking: replies are known by it."""
        return self._send("PATCH", f"/messages/{word(message)}", {"internet_id": internet_id})  # type: ignore[no-any-return]

    def link(self, url: str, to: str) -> wire.Link:
        """A tracked link for one person."""
        return self._send("POST", "/links", {"url": url, "to": to})  # type: ignore[no-any-return]

    # -- people

    def people(self, search: str | None = None) -> Iterator[wire.Person]:
        """By address."""
        yield from self._pages("/people", {"search": search})

    def person(self, person: str) -> wire.KnownPerson:
        """One person and how much may be kept."""
        return self._get(f"/people/{word(person)}")  # type: ignore[no-any-return]

    def set_details(self, person: str, **details: str) -> wire.KnownPerson:
        """What you know: phone, first_name, last_name, country, postcode; what is not named is forgotten."""
        return self._send("PUT", f"/people/{word(person)}/details", details)  # type: ignore[no-any-return]

    def timeline(self, person: str) -> wire.Timeline:
        """What one person did across mail, documents and websites."""
        return self._get(f"/people/{word(person)}/timeline")  # type: ignore[no-any-return]

    def identities(self, person: str) -> dict[str, Any]:
        """What ties a person to browsers and further addresses."""
        return self._get(f"/people/{word(person)}/identities")  # type: ignore[no-any-return]

    def merge(self, person: str, other: str) -> dict[str, Any]:
        """Two addresses, or an address and a visitor, are one person."""
        return self._send("POST", f"/people/{word(person)}/merge", {"other": other})  # type: ignore[no-any-return]

    def unmerge(self, person: str, other: str) -> dict[str, Any]:
        """They are two after all."""
        return self._send("POST", f"/people/{word(person)}/unmerge", {"other": other})  # type: ignore[no-any-return]

    def choices(self, person: str) -> Iterator[wire.Choice]:
        """What a person chose, oldest first."""
        yield from self._pages(f"/people/{word(person)}/consent", {})

    def set_consent(self, person: str, mode: wire.Mode, **proof: str) -> wire.Consent:
        """Write down a choice; proof: scope, text, version, language, method, form."""
        return self._send("POST", f"/people/{word(person)}/consent", {"mode": mode, **proof})  # type: ignore[no-any-return]

    def withdraw(self, person: str) -> wire.Consent:
        """Keep nothing more about a person."""
        return self._send("POST", f"/people/{word(person)}/withdrawal", {})  # type: ignore[no-any-return]

    def limits(self) -> Iterator[wire.Limit]:
        """Limits of what may be kept, for everybody, lists and sites."""
        yield from self._pages("/consent/limits", {})

    def set_limit(self, scope: str, mode: wire.Mode) -> wire.Limit:
        """Let no more than `mode` be kept in `scope`."""
        return self._send("POST", "/consent/limits", {"scope": scope, "mode": mode})  # type: ignore[no-any-return]

    def export_person(self, person: str) -> dict[str, Any]:
        """Everything that is kept about a person."""
        return self._get(f"/people/{word(person)}/export")  # type: ignore[no-any-return]

    def erase_person(self, person: str) -> dict[str, Any]:
        """For good; the certificate."""
        return self._send("DELETE", f"/people/{word(person)}")  # type: ignore[no-any-return]

    # -- documents

    def add_document(self, file: Path | bytes, name: str | None = None) -> wire.Document:
        """Take in a PDF or a picture."""
        content = file.read_bytes() if isinstance(file, Path) else file
        called = name or (file.name if isinstance(file, Path) else "document.pdf")
        return self._send("POST", f"/documents?{urlencode({'name': called})}", content)  # type: ignore[no-any-return]

    def share(self, document: str, to: str, **terms: Any) -> wire.Shared:
        """A link for one person; terms: password, expires, email_gate, verify_email, download, watermark, allow, block."""
        return self._send("POST", f"/documents/{word(document)}/shares", {"to": to, **terms})  # type: ignore[no-any-return]

    def documents(self) -> Iterator[wire.Document]:
        """All, with their links."""
        yield from self._pages("/documents", {})

    def document(self, document: str) -> wire.Document:
        """One, with its links."""
        return self._get(f"/documents/{word(document)}")  # type: ignore[no-any-return]

    def replace_document(self, document: str, content: bytes, name: str) -> wire.Document:
        """Put a new file behind its links."""
        return self._send("PUT", f"/documents/{word(document)}/file?{urlencode({'name': name})}", content)  # type: ignore[no-any-return]

    def delete_document(self, document: str) -> None:
        """With its links and files."""
        self._send("DELETE", f"/documents/{word(document)}")

    def document_report(self, document: str, person: str | None = None) -> wire.DocumentReport:
        """Which pages were read, by whom and for how long."""
        return self._get(f"/documents/{word(document)}/report", {"person": person})  # type: ignore[no-any-return]

    def end_share(self, link: str) -> None:
        """The link leads nowhere any more."""
        self._send("DELETE", f"/shares/{word(link)}")

    # -- websites

    def add_site(self, domain: str, *, wait: bool = False) -> wire.Site:
        """A website's key and the lines for its pages."""
        return self._send("POST", "/sites", {"domain": domain, "wait": wait})  # type: ignore[no-any-return]

    def sites(self) -> Iterator[wire.Site]:
        """All websites."""
        yield from self._pages("/sites", {})

    def site(self, site: str) -> wire.Site:
        """One, with the lines for its pages."""
        return self._get(f"/sites/{word(site)}")  # type: ignore[no-any-return]

    def server_key(self, site: str, *, agreed: bool = False, revoke: bool = False) -> wire.ServerKey:
        """The key of a site's servers; `revoke`: a new one, and those before it are refused."""
        wanted = {"agreed": agreed, "revoke": revoke}
        return self._send("POST", f"/sites/{word(site)}/server-key", wanted)  # type: ignore[no-any-return]

    def set_goal(
        self, site: str, name: str, *, page: str | None = None, event: str | None = None, seconds: int | None = None
    ) -> wire.Site:
        """Count what is reached: a page, an event, or active seconds."""
        goal = {"name": name, "page": page, "event": event, "seconds": seconds}
        return self._send("POST", f"/sites/{word(site)}/goals", goal)  # type: ignore[no-any-return]

    def delete_goal(self, site: str, name: str) -> None:
        """It counts no more."""
        self._send("DELETE", f"/sites/{word(site)}/goals/{word(name)}")

    def searches(self, site: str, since: str = "30d") -> Iterator[wire.Search]:
        """What was searched on a website, most often first."""
        yield from self._pages(f"/sites/{word(site)}/searches", {"since": since})

    def site_report(self, site: str, since: str = "30d", funnel: str | None = None) -> dict[str, Any]:
        """What was done on a website."""
        return self._get(f"/sites/{word(site)}/report", {"since": since, "funnel": funnel})  # type: ignore[no-any-return]

    def leads(
        self, since: str = "30d", grade: Literal["hot", "warm", "cold"] | None = None, *, known: bool = False
    ) -> Iterator[wire.Lead]:
        """People and visitors, the warmest first, with the reasons; `known`: people alone."""
        yield from self._pages("/leads", {"since": since, "grade": grade, "known": str(known).lower()})

    # -- rules, lists, webhooks

    def triggers(self) -> Iterator[wire_acting.Trigger]:
        """All rules."""
        yield from self._pages("/triggers", {})

    def keep_trigger(self, rule: str) -> wire_acting.Trigger:
        """A rule as text."""
        return self._send("POST", "/triggers", {"rule": rule})  # type: ignore[no-any-return]

    def trigger(self, trigger: str) -> wire_acting.Trigger:
        """One rule."""
        return self._get(f"/triggers/{word(trigger)}")  # type: ignore[no-any-return]

    def switch_trigger(self, trigger: str, *, active: bool) -> wire_acting.Trigger:
        """On or off."""
        return self._send("PATCH", f"/triggers/{word(trigger)}", {"active": active})  # type: ignore[no-any-return]

    def delete_trigger(self, trigger: str) -> None:
        """What it did stays on record."""
        self._send("DELETE", f"/triggers/{word(trigger)}")

    def try_trigger(self, trigger: str, since: str = "7d") -> wire_acting.Rehearsal:
        """What one of the rules would have done."""
        return self._send("POST", f"/triggers/{word(trigger)}/test", {"since": since})  # type: ignore[no-any-return]

    def try_rule(self, rule: str, since: str = "7d") -> wire_acting.Rehearsal:
        """What it would have done."""
        return self._send("POST", "/triggers/test", {"rule": rule, "since": since})  # type: ignore[no-any-return]

    def audiences(self) -> Iterator[wire_acting.Audience]:
        """All lists."""
        yield from self._pages("/audiences", {})

    def audience(self, audience: str) -> wire_acting.Audience:
        """One list."""
        return self._get(f"/audiences/{word(audience)}")  # type: ignore[no-any-return]

    def keep_audience(self, name: str, rule: str | None = None) -> wire_acting.Audience:
        """A list, or another rule for the one of that name; without a rule it is kept by hand."""
        return self._send("POST", "/audiences", {"name": name, "rule": rule})  # type: ignore[no-any-return]

    def delete_audience(self, audience: str) -> None:
        """The people stay who they are."""
        self._send("DELETE", f"/audiences/{word(audience)}")

    def members(self, audience: str) -> Iterator[wire_acting.MemberOf]:
        """Who is on a list, and why."""
        yield from self._pages(f"/audiences/{word(audience)}/members", {})

    def join(self, audience: str, person: str) -> wire_acting.Audience:
        """By hand; only where no rule decides."""
        return self._send("POST", f"/audiences/{word(audience)}/members", {"person": person})  # type: ignore[no-any-return]

    def leave(self, audience: str, person: str) -> wire_acting.Audience:
        """Likewise."""
        return self._send("DELETE", f"/audiences/{word(audience)}/members/{word(person)}")  # type: ignore[no-any-return]

    def export_audience(
        self, audience: str, target: Literal["meta", "google", "csv"], *, dry_run: bool = False
    ) -> wire_acting.Exported:
        """For a platform, with consent and suppression applied."""
        body = {"target": target, "dry_run": dry_run}
        return self._send("POST", f"/audiences/{word(audience)}/exports", body)  # type: ignore[no-any-return]

    def add_webhook(self, url: str, types: Iterable[str] = (), *, machines: bool = False) -> wire_acting.Webhook:
        """An endpoint, with its secret."""
        body = {"url": url, "types": list(types), "machines": machines}
        return self._send("POST", "/webhooks", body)  # type: ignore[no-any-return]

    def webhooks(self) -> Iterator[wire_acting.Webhook]:
        """All endpoints, and how they fare."""
        yield from self._pages("/webhooks", {})

    def webhook(self, webhook: str) -> wire_acting.Webhook:
        """One endpoint."""
        return self._get(f"/webhooks/{word(webhook)}")  # type: ignore[no-any-return]

    def switch_webhook(self, webhook: str, *, active: bool) -> wire_acting.Webhook:
        """On, which also ends a pause, or off."""
        return self._send("PATCH", f"/webhooks/{word(webhook)}", {"active": active})  # type: ignore[no-any-return]

    def delete_webhook(self, webhook: str) -> None:
        """What it was still to get is withdrawn."""
        self._send("DELETE", f"/webhooks/{word(webhook)}")

    def rotate_webhook(self, webhook: str) -> wire_acting.Webhook:
        """A new secret; the old one signs too until the next time."""
        return self._send("POST", f"/webhooks/{word(webhook)}/rotate")  # type: ignore[no-any-return]

    def try_webhook(self, webhook: str, type: str) -> list[wire_acting.TriedDelivery]:  # noqa: A002 - as it is called there
        """Send a test message, and what the endpoint says."""
        return list(self._send("POST", f"/webhooks/{word(webhook)}/test", {"type": type})["data"])

    def replay_webhook(self, webhook: str, state: str = "failed", since: str = "7d") -> list[wire_acting.TriedDelivery]:
        """Deliver again, under the same ids."""
        body = {"state": state, "since": since}
        return list(self._send("POST", f"/webhooks/{word(webhook)}/replay", body)["data"])

    def deliveries(self, state: str | None = None) -> Iterator[wire_acting.Delivery]:
        """The delivery log, newest first."""
        yield from self._pages("/deliveries", {"state": state})

    def delivery(self, delivery: str) -> wire_acting.WholeDelivery:
        """One, with every try and its body."""
        return self._get(f"/deliveries/{word(delivery)}")  # type: ignore[no-any-return]

    def replay_delivery(self, delivery: str) -> wire_acting.TriedDelivery:
        """Once more, under the same id."""
        return self._send("POST", f"/deliveries/{word(delivery)}/replay")  # type: ignore[no-any-return]

    def me(self) -> wire.Me:
        """Who asks, where, and what is allowed."""
        return self._get("/me")  # type: ignore[no-any-return]

    def health(self) -> dict[str, Any]:
        """Whether the office works; ApiError where it does not."""
        return self._get("/health")  # type: ignore[no-any-return]


def content_of(copy: wire.Copy) -> bytes:
    """The mail for one recipient, ready to be sent."""
    return base64.b64decode(copy["mail"])
