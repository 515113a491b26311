"""`report site`, `report leads`, `report searches`: what websites tell."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put

_Since = Annotated[str, typer.Option(help="From this day on: 30d, all, a date. Days are those of UTC.")]
_Until = Annotated[str | None, typer.Option(help="Up to this day: a date, 7d ago; today if not given.")]
_Site = Annotated[str | None, typer.Option(help="Only this site: its domain or id.")]


def add_to(report: typer.Typer) -> None:
    """Register the reports."""
    report.command("site")(report_site)
    report.command("leads")(report_leads)
    report.command("searches")(report_searches)


def report_site(
    data: Data = DATA,
    since: _Since = "30d",
    until: _Until = None,
    site: _Site = None,
    last: Annotated[int, typer.Option(help="How many lines per list, the largest first.")] = 10,
    funnel: Annotated[str | None, typer.Option(help="Steps in their order: '/pricing > /order* > goal:paid'.")] = None,
    as_json: Json = False,
) -> None:
    """Count visitors, visits and pages of websites, how visits began and what was done.

    Examples:
      inkdot report site --since 7d

      inkdot report site --site example.com --funnel "/ > /pricing > goal:signup"
    """
    what = {"since": since, "until": until, "site": site, "last": last, "funnel": funnel}
    answer = next(answers(data, "report_site", what))
    if as_json:
        put(answer)
        return
    from inkdot.cli.screen_websites import print_site_report

    print_site_report(answer)


def report_leads(
    data: Data = DATA,
    since: Annotated[str, typer.Option(help="What was done since: 30d, all, a date.")] = "30d",
    last: Annotated[int, typer.Option(help="How many, the warmest first.")] = 50,
    grade: Annotated[str | None, typer.Option(help="Only hot, warm or cold ones.")] = None,
    known: Annotated[bool, typer.Option("--known", help="Only people whose address is known.")] = False,
    as_json: Json = False,
) -> None:
    """List people and visitors by how warm they are, how they came first and last, and the reasons.

    Example:
      inkdot report leads --grade hot
    """
    what: dict[str, Any] = {"since": since, "last": last, "grade": grade, "known": known or None}
    answer = next(answers(data, "report_leads", what))
    if as_json:
        put(answer)
        return
    from inkdot.cli.screen_websites import print_leads

    print_leads(answer)


def report_searches(
    data: Data = DATA,
    since: _Since = "30d",
    until: _Until = None,
    site: _Site = None,
    last: Annotated[int, typer.Option(help="How many words, the most frequent first.")] = 50,
    as_json: Json = False,
) -> None:
    """List what visitors searched for on the websites.

    Example:
      inkdot report searches --since 30d
    """
    what = {"since": since, "until": until, "site": site, "last": last}
    answer = next(answers(data, "report_searches", what))
    if as_json:
        put(answer)
        return
    from inkdot.cli.screen_websites import print_searches

    print_searches(answer)
