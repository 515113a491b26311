"""The live feed: events to everybody who watches, as they are kept; and what somebody missed who was cut off.

The thread that keeps events hands them over; each is written as JSON once, however many watch. What comes after a rest goes out at
once, and then a fifth of a second is gathered, so that fifty feeds cost fifty small writes, not fifty for each event. The id of each message is a place in
the journal, one for each stream: it stays good over a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from inkdot.domain.errors import TooOften
from inkdot.domain.event import Event
from inkdot.domain.evidence import MACHINES, Human, Verdict
from inkdot.domain.ids import EventId, WorkspaceId

Places = dict[int, int]
"""By stream: the first id that was not told."""
GATHER_SECONDS, BEAT_SECONDS = 0.2, 15.0
_LOOK_SECONDS = 4.0
"""How long somebody who may no more is still told."""
MOST_MISSED = 1_000
"""More than that is told as a number."""
_MOST_FEEDS, _MOST_OF_ONE = 500, 50
_MOST_OF_BATCH = 500
_MOST_WAITING = 4_000_000
_PLACES = re.compile(r"(?:[0-9a-f]{1,4}\.[0-9a-f]{1,16})(?:-[0-9a-f]{1,4}\.[0-9a-f]{1,16}){0,300}")


class Wanted(NamedTuple):
    """What a feed shows."""

    workspace: WorkspaceId
    kinds: frozenset[str]
    """Empty: all."""
    machines: bool

    def fits(self, event: Event) -> bool:
        """Whether an event is shown."""
        if event.workspace != self.workspace or (self.kinds and event.kind not in self.kinds):
            return False
        return self.machines or not (event.verdict.human is Human.NO or event.verdict.actor in MACHINES)


class _Item(NamedTuple):
    number: int
    event: Event | None
    text: bytes


class Past(NamedTuple):
    """What the house knows of earlier events."""

    count_of: Callable[[WorkspaceId, Places, Places], int]
    """How many events of a workspace lie between two places."""
    events: Callable[[WorkspaceId, Places, Places], Iterable[Event]]
    ready: Callable[[], object]
    """Waits until the house is open; a browser that is refused once does not come again by itself."""


class Live:
    """Everybody who watches one office."""

    def __init__(self, told: Callable[[Event], dict[str, Any]], past: Past) -> None:
        """`told` gives an event as the feed tells it."""
        self._told, self._past = told, past
        self._turn = threading.Lock()
        self._feeds: set[Feed] = set()
        self._places: Places = {}
        self._pending: list[_Item] = []
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathering = False
        self._told_at = 0.0
        """When something went out last, by the loop's clock."""

    def begin(self, places: Mapping[int, int]) -> None:
        """From which places on events are handed over."""
        with self._turn:
            self._places = dict(places)

    # -- the thread that keeps events

    def heard(
        self,
        events: Sequence[Event],
        places: Mapping[int, int],
        judged: Mapping[EventId, Verdict],
        latest: Collection[Event],
    ) -> None:
        """A batch was kept, up to these places; `judged` are verdicts that late evidence changed."""
        with self._turn:
            if self._feeds:
                self._write(events, judged, latest)
            self._places |= places
            if not self._pending or self._gathering or self._loop is None:
                return
            self._gathering = True
            self._loop.call_soon_threadsafe(self._gather)

    def _write(self, events: Sequence[Event], judged: Mapping[EventId, Verdict], latest: Collection[Event]) -> None:
        watched = {feed.wanted.workspace for feed in self._feeds}
        ours = sorted((e for e in events if e.workspace in watched), key=lambda e: e.id)
        shown, places = ours[-_MOST_OF_BATCH:], dict(self._places)
        if len(ours) > len(shown):  # a flood: its beginning is told as a number
            for workspace in watched:
                count = sum(e.workspace == workspace for e in ours[: -len(shown)])
                self._add(None, _message("missed", {"count": count}))
        for event in shown:
            stream = event.id >> 48
            places[stream] = max(places.get(stream, 0), event.id + 1)
            self._add(event, _message("kept", self._told(event), places))
        for event in latest if judged else ():
            verdict = judged.get(event.id)
            if verdict is not None and event.workspace in watched:
                again = event._replace(verdict=verdict)
                self._add(again, _message("judged", self._told(again)))

    def _add(self, event: Event | None, text: bytes) -> None:
        self._number += 1
        self._pending.append(_Item(self._number, event, text))

    # -- the loop

    def _gather(self) -> None:
        assert self._loop
        self._loop.call_at(max(self._loop.time(), self._told_at + GATHER_SECONDS), self._hand_out)

    def _hand_out(self) -> None:
        assert self._loop
        self._told_at = self._loop.time()
        with self._turn:
            items, self._pending, self._gathering = self._pending, [], False
            feeds = list(self._feeds)
        written: dict[Wanted, bytes] = {}
        first = items[0].number if items else 0
        for feed in feeds:
            if feed.after >= first:  # it came in between
                feed.put(_joined([i for i in items if i.number > feed.after], feed.wanted))
                continue
            if feed.wanted not in written:
                written[feed.wanted] = _joined(items, feed.wanted)
            feed.put(written[feed.wanted])

    def watch(self, wanted: Wanted, asker: int, since: str | None) -> Feed:
        """A new feed, from the place `since` on. Raises TooOften where too many are open. Blocks: asks the store."""
        self._past.ready()
        with self._turn:
            if len(self._feeds) >= _MOST_FEEDS or sum(f.asker == asker for f in self._feeds) >= _MOST_OF_ONE:
                raise TooOften("Too many feeds are open; close some.", 30)
            here = dict(self._places)
            feed = Feed(self, wanted, asker, self._number)
            self._feeds.add(feed)
        hello = b"retry: 2000\n" + _message("hello", {}, None if since else here)
        try:
            feed.begin(hello + (self._missed(wanted, _read(since), here) if since else b""))
        except BaseException:  # a store that is just being replaced: nobody is there to leave
            self.leave(feed)
            raise
        return feed

    def _missed(self, wanted: Wanted, since: Places, here: Places) -> bytes:
        count = self._past.count_of(wanted.workspace, since, here)
        if count > MOST_MISSED:
            return _message("missed", {"count": count}, here)
        parts, places = [], dict(since)
        for event in sorted(self._past.events(wanted.workspace, since, here), key=lambda e: e.id) if count else ():
            places[event.id >> 48] = event.id + 1
            if wanted.fits(event):
                parts.append(_message("kept", self._told(event), places))
        return b"".join(parts) + _message("hello", {}, here)

    def on(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop on which feeds are written."""
        self._loop = loop

    def leave(self, feed: Feed) -> None:
        """It was closed."""
        with self._turn:
            self._feeds.discard(feed)

    def close(self) -> None:
        """End all feeds; from any thread."""
        with self._turn:
            feeds, loop = list(self._feeds), self._loop
        for feed in feeds:
            if loop:
                loop.call_soon_threadsafe(feed.end)


class Feed:
    """One who watches."""

    def __init__(self, live: Live, wanted: Wanted, asker: int, after: int) -> None:
        self.wanted, self.asker, self.after = wanted, asker, after
        self._live = live
        self._waiting: list[bytes] = []
        self._size = 0
        self._news = asyncio.Event()
        self._ended = False

    def begin(self, text: bytes) -> None:
        """What is told before all that was heard meanwhile; nothing was told yet."""
        self._waiting.insert(0, text)
        self._news.set()

    def put(self, text: bytes) -> None:
        """More to be told."""
        if not text:
            return
        self._waiting.append(text)
        self._size += len(text)
        if self._size > _MOST_WAITING:  # somebody who does not read: let the browser come again
            self._ended = True
        self._news.set()

    def end(self) -> None:
        """No more."""
        self._ended = True
        self._news.set()

    async def tell(self, receive: Receive, send: Send, still: Callable[[], bool]) -> None:
        """Until the asker goes, may no more, or the office ends."""
        gone = asyncio.ensure_future(_gone(receive, self))
        said = looked = time.monotonic()
        try:
            while not self._ended:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _LOOK_SECONDS)
                now = time.monotonic()
                if now - looked >= _LOOK_SECONDS:  # not only in silence: where much happens there is none
                    if not await asyncio.to_thread(still):
                        break
                    looked = now
                self._news.clear()
                text, self._waiting, self._size = b"".join(self._waiting), [], 0
                if not text and now - said >= BEAT_SECONDS:
                    text = b": beat\n\n"
                if text:
                    said = now
                    await send({"type": "http.response.body", "body": text, "more_body": True})
        finally:
            gone.cancel()
            self._live.leave(self)


class FeedResponse:
    """A feed as an answer."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, still: Callable[[], bool]) -> None:
        self._feed, self._still = feed, still

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """The stream."""
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store, private"),
            (b"x-accel-buffering", b"no"), (b"x-content-type-options", b"nosniff"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._feed.tell(receive, send, self._still)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive, feed: Feed) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    feed.end()


def _joined(items: Iterable[_Item], wanted: Wanted) -> bytes:
    return b"".join(item.text for item in items if item.event is None or wanted.fits(item.event))


def _message(kind: str, data: dict[str, Any], places: Mapping[int, int] | None = None) -> bytes:
    head = f"id: {_shown(places)}\n" if places is not None else ""
    return f"{head}event: {kind}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _shown(places: Mapping[int, int]) -> str:
    """Before anything happened it is the beginning of the first stream: everything lies behind it."""
    return "-".join(f"{stream:x}.{number:x}" for stream, number in sorted(places.items())) or "0.0"


def is_place(word: str) -> bool:
    """Whether a Last-Event-ID is one that was given out."""
    return bool(_PLACES.fullmatch(word))


def _read(word: str) -> Places:
    return {int(s, 16): int(n, 16) for s, n in (part.split(".") for part in word.split("-"))}


def spans(low: Places, high: Places) -> Iterator[tuple[int, int]]:
    """Ids from one place to another, by stream; a stream that was not there begins at its first."""
    for stream, end in high.items():
        begin = max(low.get(stream, 0), stream << 48)
        if begin < end:
            yield begin, end
