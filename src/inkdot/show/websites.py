"""Questions about websites: what was visited, who is warm, what was searched. Words in, plain JSON objects out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from inkdot.domain.beacon import belongs
from inkdot.domain.consent import SMALL
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.evidence import Field, Reason, Status
from inkdot.domain.ids import PERSON, SITE, VISITOR, ContactId, SiteId, VisitorId, WorkspaceId, from_word, to_word
from inkdot.show.questions import Answer, Parameters, behind, count_of, here, since_of
from inkdot.store.contract import iso
from inkdot.store.events import EventStore, microseconds, timestamp
from inkdot.store.leads import LeadActs, LeadVisits, Touch, lead_acts, lead_visits
from inkdot.store.reports import places
from inkdot.store.sites import Goal, Site, Sites
from inkdot.store.visits import Group, SiteCounts, all_happenings, site_counts
from inkdot.understand.lead import INTERESTING, Facts, grade, points, score

Company = Callable[[int | None], Field]
_DAY = 86_400_000_000
_HALF_HOUR = 1_800_000_000
_MOST_PEOPLE = 500
_LATELY = 7 * _DAY  # a visitor whom nobody knows and who has not come since is no lead
_MOST_STEPS = 10
_BY = {
    "channels": "channel", "sources": "source", "campaigns": "campaign", "referrers": "referrer", "entries": "entry",
    "exits": "exit",
}  # fmt: skip
_OF_VERDICT = {"countries": "location", "systems": "os", "devices": "device", "clients": "client"}
_HAPPENINGS = {"goal": "events", "search": "searches", "download": "downloads", "click": "outbound"}


class WebsiteQuestions:
    """Everything that can be asked about the websites of one folder."""

    def __init__(self, sites: Sites, store: EventStore, now: Callable[[], int], company: Company) -> None:
        """`now` gives microseconds since 1970; `company` tells the organisation behind a network number."""
        self._sites, self._store, self._now, self._company = sites, store, now, company

    def report_site(self, what: Parameters) -> Answer:
        """Per site: visitors, visits, pages, how visits began and what was done; since, until, site, last, funnel."""
        since, until = self._span(what)
        most = count_of(what.get("last"), 10)
        steps = _steps(what.get("funnel"))
        shown = [self._report(site, since, until, most, steps) for site in self._chosen(what)]
        yield {"since": iso(since), "until": iso(until), "sites": shown}

    def site_lately(self, what: Parameters) -> Answer:
        """Who was on a `site` in the last half hour: visitors, at most so many, and views."""
        for site in self._chosen(what):
            where = {"since": timestamp(self._now() - _HALF_HOUR), "site": site.id}
            visitors, nobody, views = self._store.rows("site", "lately", where)[0]
            if nobody < SMALL:
                views, nobody = views - nobody, 0
            yield {"site": to_word(SITE, site.id), "visitors_between": [visitors, visitors + nobody], "views": views}

    def report_searches(self, what: Parameters) -> Answer:
        """What was searched on the sites, most often first; since, until, site, last."""
        since, until = self._span(what)
        most = count_of(what.get("last"), 50)
        chosen = {site.id: site.domain for site in self._chosen(what)}
        rows = all_happenings(self._store, "search", since, until, 1_000_000)
        found = [
            {"site": to_word(SITE, site), "domain": chosen[site], "term": h.name, "times": h.times, "visits": h.visits}
            for site, h in rows
            if site in chosen
        ]
        yield {"since": iso(since), "until": iso(until), "searches": found[:most]}

    def report_leads(self, what: Parameters) -> Answer:
        """People and visitors by how warm they are, with the reasons; since, last, grade, known (only people).

        `after`: the `next` of an answer before, to go on behind it.
        """
        now = self._now()
        since = since_of(what.get("since") or "30d", now)
        most = count_of(what.get("last"), 50)
        workspace = here(what)
        bound = self._sites.bound(workspace)
        visited = lead_visits(
            self._store, bound, since, max(since, now - _LATELY), INTERESTING, _MOST_PEOPLE, workspace
        )
        acted = {a.contact: a for a in lead_acts(self._store, since, _MOST_PEOPLE, workspace)}
        known = {v.contact for v in visited if v.contact}
        leads = [_Lead.of(v, acted.get(v.contact) if v.contact else None, now) for v in visited]
        leads += [_Lead.of(None, acts, now) for contact, acts in acted.items() if contact not in known]
        wanted = what.get("grade")
        if wanted not in (None, "hot", "warm", "cold"):
            raise UsageError(f"{wanted!r} is no grade of a lead; there are hot, warm and cold.")
        leads = [x for x in leads if (x.contact or not what.get("known")) and wanted in (None, grade(x.points))]
        leads.sort(key=lambda x: (-x.points, -x.facts.last, x.nobody is not None, x.nobody or x.contact))
        if what.get("after"):
            leads = leads[len(leads) - len(behind([x.place for x in leads], str(what["after"]))) :]
        shown = [self._lead_json(lead, workspace, now) for lead in leads[:most]]
        yield {"since": iso(since), "next": leads[most - 1].place if len(leads) > most else None, "leads": shown}

    def _lead_json(self, lead: _Lead, workspace: WorkspaceId, now: int) -> dict[str, Any]:
        found = self._company(lead.visited.asn if lead.visited else None)
        shown = {"value": found.value, "status": found.status, "reason": found.reason}
        person = self._sites.address_of(workspace, ContactId(lead.contact)) if lead.contact else None
        return {"person": person, **_lead_json(lead, now), "company": shown}

    def _companies(self, groups: list[Group], most: int) -> list[dict[str, Any]]:
        """Organisations by visits; visits from everybody else's networks are in no line."""
        found: dict[str, int] = {}
        for group in groups:
            name = self._company(int(group.name or 0)).value
            if name:
                found[name] = found.get(name, 0) + group.visits
        largest = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:most]
        return [
            {"name": name, "visits": n, "status": Status.DEGRADED, "reason": Reason.NETWORK_NAME} for name, n in largest
        ]

    def import_check(self, what: Parameters) -> Answer:
        """What became of imported records: ids from `first` to `last`."""
        span = {"first": int(what["first"]), "last": int(what["last"])}
        events, dropped = self._store.rows("site", "imported", span)[0]
        reasons = dict(self._store.rows("site", "imported_dropped", span)) if dropped else {}
        yield {"events": events, "dropped": dropped, "reasons": reasons}

    def _span(self, what: Parameters) -> tuple[int, int]:
        """Whole days of UTC."""
        now = self._now()
        since = since_of(what.get("since") or "30d", now)
        until = since_of(what["until"], now) if what.get("until") else now
        return since - since % _DAY, until - until % _DAY + _DAY

    def _chosen(self, what: Parameters) -> list[Site]:
        word, sites = what.get("site"), self._sites.sites(here(what))
        if not word:
            return sites
        name = str(word).strip().lower()
        by_id = SiteId(from_word(SITE, name)) if name.startswith(f"{SITE}_") else None
        found = [s for s in sites if s.id == by_id or belongs(name, s.domain)]
        if not found:
            raise NotFound(f"There is no site {word}; 'inkdot site list' shows those there are.")
        return found[-1:]

    def _report(self, site: Site, since: int, until: int, most: int, steps: list[str]) -> dict[str, Any]:
        with site_counts(self._store, site.id, since, until) as counts:
            report = {"site": to_word(SITE, site.id), "domain": site.domain} | _totals(counts)
            groups = counts.groups(most)
            report |= {title: [_group(g) for g in groups[what]] for title, what in _BY.items()}
            report["pages"] = [
                {"page": p.page, "views": p.views, "visits": p.visits, "seconds": _mean(p.seconds, p.views)}
                for p in counts.pages(most)
            ]
            report["companies"] = self._companies(groups["asn"], most)
            report["paths"] = [{"page": page, "next": to, "times": n} for page, to, n in counts.moves(most)]
            report |= _done(counts, most)
            report["goals"] = [_goal(counts, goal, report["visits"]) for goal in self._sites.goals(site.id)]
            report["days"] = [
                {"day": str(day), "visitors": visitors, "visits": visits, "views": views, "seconds": round(seconds, 1)}
                for day, visitors, visits, views, seconds in counts.days()
            ]
            report["for_nobody"] = {
                f"{what}s": [{"name": name, "views": views} for name, views in counts.for_nobody_by(what, most)]
                for what in ("page", "channel")
            }
            verdicts = {int(g.name or 0): g.visits for g in groups["verdict"]}
            if steps:
                report["funnel"] = _funnel(steps, counts.funnel(steps))
        for title, field in _OF_VERDICT.items():
            found = places(self._store, verdicts, field)
            report[title] = [{"name": name, "visits": n} for name, n in found.items()][:most]
        return report


def _totals(counts: SiteCounts) -> dict[str, Any]:
    total, nobody = counts.totals(), counts.for_nobody()
    return {
        "visitors": total.visitors,
        "visitors_between": [total.visitors, total.visitors + nobody],
        "visits": total.visits,
        "views": total.views,
        "views_for_nobody": nobody,
        "hidden_below": SMALL,
        "machine_views": counts.machine_views(),
        "bounces": total.bounces,
        "bounce_rate": round(total.bounces / total.visits, 4) if total.visits else None,
        "seconds": round(total.seconds, 1),
        "seconds_per_visit": _mean(total.seconds, total.visits),
        "visits_of_known_people": total.known,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name, "visitors": group.visitors, "visits": group.visits, "views": group.views, "goals": group.goals,
        "seconds_per_visit": _mean(group.seconds, group.visits),
    }  # fmt: skip


def _done(counts: SiteCounts, most: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {title: [] for title in _HAPPENINGS.values()}
    for h in counts.happenings():
        if h.kind in _HAPPENINGS and len(found[_HAPPENINGS[h.kind]]) < most:
            found[_HAPPENINGS[h.kind]].append({"name": h.name, "times": h.times, "visits": h.visits})
    return found


def _goal(counts: SiteCounts, goal: Goal, visits: int) -> dict[str, Any]:
    reached = counts.reached(goal.kind, goal.target)
    return {**goal._asdict(), "visits": reached, "rate": round(reached / visits, 4) if visits else None}


def _steps(word: Any) -> list[str]:
    steps = [step.strip() for step in str(word).split(">") if step.strip()] if word else []
    if len(steps) > _MOST_STEPS or (word and len(steps) < 2):
        raise UsageError(f"A funnel has 2 to {_MOST_STEPS} steps, like '/pricing > /order* > goal:paid'.")
    return steps


def _funnel(steps: list[str], counts: list[int]) -> list[dict[str, Any]]:
    first = counts[0]
    return [
        {"step": step, "visits": n, "of_first": round(n / first, 4) if first else None}
        for step, n in zip(steps, counts, strict=True)
    ]


class _Lead(NamedTuple):
    contact: int
    facts: Facts
    points: int
    visited: LeadVisits | None

    @property
    def nobody(self) -> VisitorId | None:
        """The browser, where it is nobody's."""
        return self.visited.visitor if self.visited else None

    @property
    def visitor(self) -> str | None:
        """The word for it."""
        return None if self.nobody is None else to_word(VISITOR, self.nobody)

    @property
    def place(self) -> str:
        """A word that no two leads share."""
        return self.visitor or to_word(PERSON, self.contact)

    @classmethod
    def of(cls, visited: LeadVisits | None, acted: LeadActs | None, now: int) -> _Lead:
        """What is known of one person or visitor; one of the two may be missing."""
        facts = Facts(max(microseconds(x.last) for x in (visited, acted) if x))
        if visited:
            facts = facts._replace(
                visits=visited.visits, seconds=visited.seconds, goals=visited.goals, interesting=visited.interesting
            )
        if acted:
            facts = facts._replace(
                clicks=acted.clicks, opens=acted.opens, replies=acted.replies, reading=acted.reading,
                downloads=acted.downloads,
            )  # fmt: skip
        contact = visited.contact if visited else acted.contact if acted else 0
        return cls(contact, facts, points(facts, now), visited)


def _lead_json(lead: _Lead, now: int) -> dict[str, Any]:
    visited, facts, why = lead.visited, lead.facts, score(lead.facts, now)
    return {
        "visitor": lead.visitor,
        "score": why.points,
        "grade": why.grade,
        "reasons": [r._asdict() for r in why.reasons],
        "last": iso(facts.last),
        "first_touch": _touch(visited.first_touch if visited else None),
        "last_touch": _touch(visited.last_touch if visited else None),
        "visits": facts.visits,
        "visits_inferred": visited.inferred if visited else 0,
        "seconds": round(facts.seconds, 1),
        "goals": facts.goals,
        "clicks": facts.clicks,
        "opens": facts.opens,
        "replies": facts.replies,
        "reading_seconds": round(facts.reading, 1),
        "downloads": facts.downloads,
    }


def _touch(touch: Touch | None) -> dict[str, Any] | None:
    if touch is None:
        return None
    return {
        "time": iso(microseconds(touch.time)),
        "channel": touch.channel,
        "source": touch.source,
        "page": touch.entry,
    }


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 1) if count else None
