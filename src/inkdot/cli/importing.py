"""`import`: take over what another program wrote about visits."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from inkdot.cli.options import DATA, Data, Json, answers, progress, put, talk
from inkdot.domain.errors import Failure
from inkdot.domain.ids import SITE, SiteId, WorkspaceId, to_word

_WORKSPACE = WorkspaceId(1)
_PATIENCE_SECONDS = 1_800
_NAMELESS = "imported"
_Form = Annotated[str, typer.Option("--from", help="access-log, goatcounter, umami, plausible or matomo.")]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(help="The log or export.")],
    form: _Form,
    site: Annotated[str | None, typer.Option(help="The site it is about; not needed where there is only one.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Take over the visits of a log or of another program's export, and check the sums.

    The same file twice changes nothing; an import that was cut off goes on where it was.

    Examples:
      inkdot import access.log --from access-log --site example.com

      inkdot import goatcounter-export.csv --from goatcounter
    """
    from inkdot.app.folder import Folder
    from inkdot.app.importing import check, take

    folder = Folder(data)
    folder.keyring()
    check(file, form)
    about = _about(folder, data, site)
    with progress(f"Reading {file.name}", "rows") as told:
        done = take(folder, about, file, form, told)
    kept = _kept(data, done.first, done.last, done.written)
    missing = done.written - kept["events"] - kept["dropped"]
    result = {
        "site": to_word(SITE, about.id), "domain": about.domain, "from": form, "rows": done.rows, "imported": done.written,
        "resumed": done.resumed, "skipped": done.skipped, "totals": done.totals, "events": kept["events"],
        "dropped": kept["reasons"], "ok": missing == 0 and _sums_fit(done.totals, kept["events"]),
    }  # fmt: skip
    if as_json:
        put(result)
    else:
        _tell(result)
    if not result["ok"]:
        raise Failure(f"The sums do not fit: {missing} rows are missing. 'inkdot doctor' may tell why.")


def _about(folder: Any, data: Path, word: str | None) -> Any:
    """The site that is meant; made if there is none yet."""
    from inkdot.cli.mail import open_mint
    from inkdot.cli.site import find_site
    from inkdot.domain.errors import UsageError
    from inkdot.mark.site import domain_of, site_key
    from inkdot.store.sites import Site, Sites

    sites = Sites(folder.control)
    try:
        known = sites.sites(_WORKSPACE)
        if word is None and len(known) > 1:
            raise UsageError(f"Say which site it is about: --site {known[0].domain}.")
        if known and (word is None or any(s.domain == word or word == to_word(SITE, s.id) for s in known)):
            return find_site(sites, word) if word else known[0]
        name = domain_of(word or _NAMELESS)
        if (site := sites.site_of(name, _WORKSPACE)) is None:
            _, mint = open_mint(data, None)
            number, made = SiteId(int.from_bytes(os.urandom(8), "big") >> 1), int(time.time())
            site = Site(number, name, made, site_key(mint, number, name, made))
            site = sites.keep_site(site, _WORKSPACE)
            talk(f"A new site was made: {name}.")
        return site
    finally:
        sites.close()


def _kept(data: Path, first: int, last: int, expected: int) -> dict[str, Any]:
    """What the records became, once all of them are understood."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        kept = next(answers(data, "import_check", {"first": first, "last": last}))
        if kept["events"] + kept["dropped"] >= expected or time.monotonic() > deadline:
            return kept
        time.sleep(0.2)


def _sums_fit(totals: dict[str, int], events: int) -> bool:
    return "views" not in totals or totals["views"] == events


def _tell(result: dict[str, Any]) -> None:
    typer.echo(f"{result['domain']}: {result['rows']} rows read, {result['events']} events kept.")
    if result["resumed"]:
        typer.echo(f"{result['resumed']} of them were there already.")
    for why, count in {**result["skipped"], **result["dropped"]}.items():
        typer.echo(f"{count} left out: {why}")
    if result["totals"]:
        typer.echo("The source's own sums fit: " + ", ".join(f"{n} {name}" for name, n in result["totals"].items()))
