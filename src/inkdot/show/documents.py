"""Questions about shared documents: which pages were read, by whom, how often and for how long; and what to do next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeVar

from inkdot.domain.consent import SMALL
from inkdot.domain.contact import normal_address
from inkdot.domain.document import Document
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.evidence import MACHINES
from inkdot.domain.ids import DOCUMENT, VISIT, DocumentId, WorkspaceId, from_word, to_word
from inkdot.domain.reading import Reading, judge_reading
from inkdot.show.openings import best_grade, opened
from inkdot.show.questions import Parameters, here
from inkdot.store.contract import iso
from inkdot.store.documents import Documents
from inkdot.store.events import EventStore
from inkdot.store.reading import Opening, Sitting, openings, sittings
from inkdot.store.veil import is_nobodys_verdict
from inkdot.understand.loading import Programs, programs

_UNKNOWN = "There is no such document or version; 'inkdot doc list' lists those there are."
_Found = TypeVar("_Found", Sitting, Opening)
_WORTH_VISITS, _WORTH_SHARE = 3, 0.25
_MOST_DIGITS = 9
GRADE = "A"
"""Measured by the page's own script: the best there is. See docs/documents.md for the other grades."""
DOTS_GRADE = "D"
"""Opened, by dots in the file."""


class DocumentQuestions:
    """What can be asked about shared documents."""

    def __init__(
        self,
        documents: Documents,
        store: EventStore,
        now: Callable[[], int],
        known: Callable[[], Programs] = programs,
    ) -> None:
        """`now` gives microseconds since 1970, `known` what was measured of programs that show documents."""
        self._documents, self._store, self._now, self._programs = documents, store, now, known

    def report_document(self, what: Parameters) -> Iterator[dict[str, Any]]:
        """One document: its pages, its visits, and suggestions; `person` and `version` narrow it."""
        number = DocumentId(from_word(DOCUMENT, str(what.get("document", ""))))
        workspace = here(what)
        if self._documents.workspace_of(number) != workspace:
            raise NotFound(_UNKNOWN)
        document = self._documents.document(number, _version(what.get("version")))
        if document is None and (marked := self._documents.marked(number)):
            yield self._report_of_dots(workspace, number, *marked)
            return
        if document is None:
            raise NotFound(_UNKNOWN)
        wanted = normal_address(str(what["person"])) if what.get("person") else None
        found = sittings(self._store, number, workspace)
        names = self._documents.addresses_of((workspace, s.contact) for s in found)
        found, alone = _apart(found, lambda sitting: is_nobodys_verdict(sitting.contact, sitting.verdict))
        visits = [_visit(s, names.get((workspace, s.contact)), self._words(document, s.version)) for s in found]
        unnamed = [_visit(s, None, self._words(document, s.version)) for s in alone if s.version == document.version]
        if wanted:
            visits = [v for v in visits if v["person"] == wanted]
        if what.get("version"):
            visits = [v for v in visits if v["version"] == document.version]
        counted = [v for v in visits if v["counted"] and v["version"] == document.version]
        yield {
            "document": to_word(DOCUMENT, number),
            "name": document.name,
            "version": document.version,
            "pages": (pages := _pages(document, counted if wanted else [*counted, *_pages_of_many(unnamed)])),
            "said": said(pages),
            "visits": visits,
            "people": _people(document, counted),
            "links": self._links(number),
            "suggestions": suggestions(document, counted),
            "visits_for_nobody": len(unnamed),
            "hidden_below": SMALL,
            "grade": GRADE,
        }

    def _report_of_dots(
        self, workspace: WorkspaceId, number: DocumentId, name: str, marked: int, dots: int
    ) -> dict[str, Any]:
        """A document with dots in it: opened or not. Which pages were read cannot be told from them."""
        found, alone = _apart(
            openings(self._store, number, workspace),
            lambda opening: is_nobodys_verdict(opening.contact, opening.verdict),
        )
        names = self._documents.addresses_of((workspace, o.contact) for o in found)
        visits = opened(found, name, dots, self._programs(), names, workspace)
        return {
            "document": to_word(DOCUMENT, number), "name": name, "version": 1, "pages": [], "said": "", "visits": visits,
            "people": [], "links": [], "suggestions": _worth_asking(visits), "marked": iso(marked * 1_000_000), "dots": dots,
            "visits_for_nobody": len(alone), "hidden_below": SMALL, "grade": best_grade(visits, DOTS_GRADE),
        }  # fmt: skip

    def _words(self, document: Document, version: int) -> tuple[int, ...]:
        if version == document.version:
            return document.words
        other = self._documents.document(document.id, version)
        return other.words if other else ()

    def _links(self, document: DocumentId) -> list[dict[str, Any]]:
        shares = self._documents.shares_of(document)
        names = self._documents.addresses_of((s.workspace, s.contact) for s in shares)
        return [{"to": names.get((s.workspace, s.contact)), "measured": s.unmeasured is None} for s in shares]


def _apart(found: Iterable[_Found], nobodys: Callable[[_Found], bool]) -> tuple[list[_Found], list[_Found]]:
    """Those that are shown one by one, and those of nobody, which are counted: none of them while they are few."""
    shown: list[_Found] = []
    counted: list[_Found] = []
    for each in found:
        (counted if nobodys(each) else shown).append(each)
    return shown, counted if len(counted) >= SMALL else []


def _pages_of_many(unnamed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Readings of nobody without the pages that few of them came to."""
    readers = Counter(page["page"] for visit in unnamed for page in visit["pages"])
    return [visit | {"pages": [page for page in visit["pages"] if readers[page["page"]] >= SMALL]} for visit in unnamed]


def _version(word: Any) -> int | None:
    if word is None:
        return None
    text = str(word)
    if not (text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS):
        raise UsageError(f"{word!r} is no version; write 1, 2 ...")
    return int(text)


def _visit(sitting: Sitting, person: str | None, words: tuple[int, ...]) -> dict[str, Any]:
    fields = sitting.verdict.fields
    trail = sorted((when, page.page) for page in sitting.pages for when in page.come_to)
    reached = {p.page for p in sitting.pages if p.visits}
    furthest = max(reached, default=None)
    return {
        "visit": to_word(VISIT, sitting.visit),
        "person": person,
        "version": sitting.version,
        "started": iso(sitting.started),
        "ended": iso(sitting.ended),
        "seconds": round(sum(p.seconds for p in sitting.pages), 2),
        "pages": [_page_of_visit(p.page, p.seconds, p.visits, words) for p in sitting.pages],
        "order": [page for _, page in trail],
        "completion": round(len(reached) / len(words), 3) if words else None,
        "furthest": furthest,
        "downloads": sitting.downloads,
        "actor": sitting.verdict.actor,
        "human": sitting.verdict.human,
        "counted": sitting.verdict.actor not in MACHINES,
        "device": fields.device.value,
        "os": fields.os.value,
        "client": fields.client.value,
        "location": fields.location.value,
    }


def _page_of_visit(page: int, seconds: float, visits: int, words: tuple[int, ...]) -> dict[str, Any]:
    judged = judge_reading(seconds, words[page - 1] if page <= len(words) else 0)
    return {"page": page, "visits": visits, "seconds": seconds, "reading": judged.reading, "reason": judged.reason}


def _by_person(visits: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, tuple[float, int]]]:
    """Person -> page -> (seconds, visits). Who is not known is a person of his own."""
    found: dict[str, dict[int, tuple[float, int]]] = defaultdict(dict)
    for visit in visits:
        pages = found[visit["person"] or visit["visit"]]
        for page in visit["pages"]:
            seconds, times = pages.get(page["page"], (0.0, 0))
            pages[page["page"]] = seconds + page["seconds"], times + page["visits"]
    return found


def _pages(document: Document, visits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every page; its reading is that of whoever spent most time on it."""
    people = _by_person(visits)
    shown = []
    for page, words in enumerate(document.words, 1):
        times = [pages[page] for pages in people.values() if page in pages]
        longest = max((seconds for seconds, _ in times), default=0.0)
        shown.append(
            {
                "page": page,
                "visits": sum(visits for _, visits in times),
                "seconds": round(sum(seconds for seconds, _ in times), 2),
                "words": words,
                "reading": judge_reading(longest, words).reading if longest else None,
            }
        )
    return shown


def _people(document: Document, visits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who read what, for the strip: seconds on each page, the longest reader first."""
    shown, times = [], Counter(v["person"] or v["visit"] for v in visits)
    for person, pages in _by_person(visits).items():
        seconds = [round(pages.get(page, (0.0, 0))[0], 2) for page in range(1, document.pages + 1)]
        shown.append({"person": person, "seconds": seconds, "visits": times[person]})
    return sorted(shown, key=lambda row: -sum(row["seconds"]))


def said(pages: Iterable[Mapping[str, Any]]) -> str:
    """`page 17: 9 times, 14 min; pages 1-13: twice, 1 min 5 s`."""
    found = []
    for times, group in groupby(pages, key=lambda page: page["visits"]):
        run = list(group)
        if times:
            span = f"page {run[0]['page']}" if len(run) == 1 else f"pages {run[0]['page']}-{run[-1]['page']}"
            found.append((times, f"{span}: {_times(times)}, {spoken(sum(page['seconds'] for page in run))}"))
    found.sort(key=lambda pair: -pair[0])
    return "; ".join(text for _, text in found) or "No page was in sight for a second."


def _worth_asking(visits: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Of a document with dots: who opened it again and again."""
    times = Counter(visit["person"] for visit in visits if visit["counted"] and visit["person"])
    return [
        {"say": f"Call {person} about it", "because": f"it was opened {_times(count)}", "grade": DOTS_GRADE}
        for person, count in times.items()
        if count >= _WORTH_VISITS
    ]


def suggestions(document: Document, visits: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What a person would do on seeing this, each with its grade and its reason."""
    found: list[dict[str, str]] = []
    for person, pages in _by_person(visits).items():
        whole = sum(seconds for seconds, _ in pages.values())
        worth = [
            (times, seconds, page)
            for page, (seconds, times) in pages.items()
            if times >= _WORTH_VISITS
            or (seconds >= _WORTH_SHARE * whole and len(pages) > 3 and _judged(document, page, seconds) is Reading.READ)
        ]
        for times, seconds, page in sorted(worth, reverse=True)[:3]:
            why = f"came to it {_times(times)} and spent {spoken(seconds)} there"
            found.append({"say": f"Follow up with {person} on page {page}", "because": why, "grade": GRADE})
        last = max((page for page, (_, times) in pages.items() if times), default=0)
        if 0 < last < document.pages * 0.6:
            why = f"went no further than page {last} of {document.pages}"
            found.append({"say": f"Ask {person} whether something is missing", "because": why, "grade": GRADE})
    return found


def _judged(document: Document, page: int, seconds: float) -> Reading:
    return judge_reading(seconds, document.words[page - 1] if page <= document.pages else 0).reading


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def spoken(seconds: float) -> str:
    """`14 min`, `1 min 5 s`, `8 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min" if minutes >= 10 or not rest else f"{minutes} min {rest} s"
