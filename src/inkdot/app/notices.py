"""Notices, wired: users are told at once through ntfy or a webhook of their own, and once a day by mail, as each of them wishes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from inkdot.act import payload
from inkdot.act.notice import Wish, checked, digest_span, digest_text, is_worth, last_digest, not_before, notice_id
from inkdot.act.rule import Ntfy, Webhook
from inkdot.act.signing import fresh_secret, secret_bytes
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotAllowed, NotFound
from inkdot.domain.event import Event
from inkdot.domain.ids import EventId, UserId, WorkspaceId
from inkdot.show.pages.words import words_of
from inkdot.show.questions import here
from inkdot.store.notices import KeptNotices, KeptWish
from inkdot.store.outbox import NewDelivery

if TYPE_CHECKING:
    from inkdot.app.house import House

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = ("notice_show", "notice_set", "notice_mute")
"""What may be asked; each is a method of Notices."""
_SECOND = 1_000_000
_TOO_OLD = 3_600 * _SECOND
_MOST_TOLD = 5_000
_KEPT = "set"
"""Stands for what is kept and not told."""
_RENEW_SECONDS = 5.0
_HOLD = 2
"""Seconds for late evidence, as for rules: what turns out to be a machine's is withdrawn."""


class Notices:
    """One folder's notices."""

    def __init__(self, house: House, kept: KeptNotices) -> None:
        self._house, self._kept = house, kept
        self._wishes: list[tuple[KeptWish, Wish, frozenset[int]]] = []
        self._renew_at = 0.0

    def close(self) -> None:
        """Let go of the store."""
        self._kept.close()

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    # -- what is wished

    def notice_show(self, what: Asked) -> Answer:
        """What `user` wants to be told of."""
        user, workspace = _user(what), here(what)
        wish = self._wish(user, workspace)
        names = self._kept.addresses_of((workspace, c) for c in self._kept.muted(user, workspace))  # type: ignore[misc]
        yield {**_plain(wish), "muted": sorted(names.values())}

    def notice_set(self, what: Asked) -> Answer:
        """Another `wish` of `user`; a secret that was made for it is told this once."""
        before = self._wish(_user(what), here(what))
        wish = _with_secrets(checked(msgspec.convert(what["wish"], Wish)), before)
        text = msgspec.json.encode(wish).decode()
        self._kept.keep_wish(_user(what), here(what), text, int(time.time()))
        self._renew_at = 0.0
        told = next(self.notice_show(what))
        yield told | {"secret": wish.secret} if wish.secret != before.secret else told

    def notice_mute(self, what: Asked) -> Answer:
        """Nothing about a `person` any more, or (`quiet` false) again."""
        address = normal_address(str(what.get("person", "")))
        contact = self._kept.contact_of(address, here(what))
        if contact is None:
            raise NotFound(f"Nobody is known as {address}.")
        self._kept.mute(_user(what), here(what), contact, quiet=bool(what.get("quiet")))
        self._renew_at = 0.0
        yield {"person": address, "muted": bool(what.get("quiet"))}

    def _wish(self, user: UserId, workspace: WorkspaceId) -> Wish:
        found = next((w for w in self._kept.wishes() if (w.user, w.workspace) == (user, workspace)), None)
        return msgspec.json.decode(found.wish, type=Wish) if found else Wish()

    def _now_wished(self) -> list[tuple[KeptWish, Wish, frozenset[int]]]:
        """Read again now and then: the command line may have changed them, too."""
        if time.monotonic() > self._renew_at:
            self._renew_at = time.monotonic() + _RENEW_SECONDS
            self._wishes = [
                (kept, msgspec.json.decode(kept.wish, type=Wish), self._kept.muted(kept.user, kept.workspace))
                for kept in self._kept.wishes()
            ]
        return self._wishes

    # -- at once

    def rows(self, events: Sequence[Event]) -> list[NewDelivery]:
        """What is worth a notice among new events, for the outbox, where it is retried like everything else."""
        wished = [w for w in self._now_wished() if w[1].ntfy or w[1].webhook]
        now = time.time_ns() // 1_000
        return [
            notice
            for event in (events if wished else ())
            if now - event.time < _TOO_OLD
            for kept, wish, muted in wished
            if event.workspace == kept.workspace and is_worth(wish, event, muted)
            for notice in self._notices(kept, wish, event, now)
        ]

    def _notices(self, kept: KeptWish, wish: Wish, event: Event, now: int) -> Iterator[NewDelivery]:
        told = self._house.questions.told(event)
        del told["raw"]
        name = str(told["subject"] or told["person"] or "Inkdot")
        body = payload.envelope(payload.type_of(event) or payload.FIRED, event.time, {"name": name, "event": told})
        ways: list[tuple[str, Ntfy | Webhook]] = []
        if wish.ntfy:
            ways.append(("", Ntfy(url=wish.ntfy, token=wish.token, text=_said(wish, told))))
        if wish.webhook:
            ways.append(("webhook", Webhook(url=wish.webhook, secret=wish.secret)))
        at = now // _SECOND
        for part, (way, action) in enumerate(ways):
            number = notice_id(kept.user, event, first_only=wish.first_only, way=way)
            yield NewDelivery(
                number, int(kept.user), event.id, part, event.workspace, int(event.contact), action.url,
                msgspec.json.encode(action).decode(), msgspec.json.encode(body).decode(), False, at,
                not_before(wish, at + _HOLD),
            )  # fmt: skip

    # -- once a day

    def send_digests(self, now: int) -> int:
        """Put the digests that are due (unix seconds) into the outbox; returns how many."""
        count = 0
        for kept, wish, muted in self._now_wished():
            due = last_digest(wish, now)
            if due is None or due <= kept.digested:
                continue
            row = self._digest(kept, wish, muted, due, now)
            if row:
                self._house.acting.outbox.add([row])
                count += 1
            self._kept.digested(kept.user, kept.workspace, due)
            self._renew_at = 0.0
        return count

    def _digest(self, kept: KeptWish, wish: Wish, muted: frozenset[int], due: int, now: int) -> NewDelivery | None:
        since, until = digest_span(kept.digested, due)
        told: list[tuple[str, str, str]] = []
        word = words_of(wish.language)
        for event in self._house.store.all(since=since * _SECOND):
            if event.time >= until * _SECOND or len(told) >= _MOST_TOLD:
                break
            if event.workspace == kept.workspace and is_worth(wish, event, muted):
                item = self._house.questions.told(event)
                about = f" “{item['subject']}”" if item["subject"] else ""
                told.append((item["person"] or word("Somebody"), item["time"], f"{word.sentence(item['says'])}{about}"))
        office = self._house.settings.office_url or (getattr(self._house.folder.running(), "office", "") or "")
        text = digest_text(told, office, wish.zone, word.__call__)
        if text is None:
            return None
        subject = (
            word("one thing that somebody did")
            if len(told) == 1
            else word("{count} things that people did", count=len(told))
        )
        action = {"do": "digest", "to": kept.address, "subject": f"Inkdot: {subject}", "text": text}
        body = payload.envelope("digest", until * _SECOND, {"name": "digest"})
        place = EventId(until << 20 | int(kept.workspace))
        return NewDelivery(
            payload.delivery_id(int(kept.user), place, 0), int(kept.user), place, 0, kept.workspace, 0, "email",
            json.dumps(action), json.dumps(body), True, now, not_before(wish, now),
        )  # fmt: skip


def _user(what: Asked) -> UserId:
    if not what.get("user"):
        raise NotAllowed("Notices belong to people who sign in; a key has none.")
    return UserId(int(what["user"]))


def _said(wish: Wish, told: Mapping[str, Any]) -> str | None:
    """What ntfy shows, where it is not what it shows by itself."""
    if wish.language == "en":
        return None
    word = words_of(wish.language)
    about = f" “{told['subject']}”" if told["subject"] else ""
    return f"{told['person'] or word('Somebody')}: {word.sentence(told['says'])}{about}"


def _with_secrets(wish: Wish, before: Wish) -> Wish:
    """The wish with the token and the secret that it leaves as they are, or a new secret. Raises UsageError."""
    token = before.token if wish.token == _KEPT else wish.token
    secret = wish.secret if wish.webhook else None
    if wish.webhook and secret in (None, _KEPT):
        same = before.secret if wish.webhook == before.webhook else None
        secret = same or fresh_secret(os.urandom)
    elif secret:
        secret_bytes(secret)
    return msgspec.structs.replace(wish, token=token, secret=secret)


def _plain(wish: Wish) -> dict[str, Any]:
    """Without token and secret: they were given to be used, not to be read."""
    found: dict[str, Any] = msgspec.to_builtins(wish)
    return found | {"token": _KEPT if wish.token else None, "secret": _KEPT if wish.secret else None}
