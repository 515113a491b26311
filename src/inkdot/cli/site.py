"""`site`: websites that tell of their visitors, and what counts as reached on them."""

from __future__ import annotations

import os
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import SITE, SiteId, WorkspaceId, from_word, to_word

if TYPE_CHECKING:
    from inkdot.app.consent import Register
    from inkdot.mark.mint import Mint
    from inkdot.store.sites import Site, Sites

_WORKSPACE = WorkspaceId(1)
_Url = Annotated[str | None, typer.Option(help="How visitors reach the street door; the server's own if not given.")]
_Wait = Annotated[
    bool, typer.Option("--wait", help="A tag that does nothing before the page calls inkdot.consent(true).")
]
_Which = Annotated[str, typer.Argument(metavar="SITE", help="The site's domain or id.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    site = typer.Typer(help="Websites: their keys, the lines for their pages, their goals.", no_args_is_help=True)
    site.command()(add)
    site.command("list")(list_sites)
    site.command()(goal)
    site.command("server-key")(server_key)
    app.add_typer(site, name="site")


def add(
    domain: Annotated[str, typer.Argument(help="The site's domain; what is below it belongs to it.")],
    wait: _Wait = False,
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Make a website's key and print the lines that go into its pages; asked again, it prints the same key.

    Example:
      inkdot site add example.com
    """
    shown = made(domain, data, public_url, wait=wait)
    if as_json:
        put(shown)
        return
    typer.echo(f"Put these lines into the head of every page of {shown['domain']}:\n\n{shown['snippet']}")
    typer.echo(f"\nAnd into your privacy notice, for whoever wants to see and stop it: {shown['privacy']}")


def made(domain: str, data: Path, public_url: str | None, *, wait: bool = False) -> dict[str, Any]:
    """The site's key and lines, as `site add --json` shows them; the site is made if there is none. Raises UsageError."""
    from inkdot.cli.consent import open_register
    from inkdot.cli.mail import open_mint
    from inkdot.mark.site import domain_of, site_key
    from inkdot.store.sites import Site, Sites

    name = domain_of(domain)
    folder, mint = open_mint(data, public_url)
    sites = Sites(folder.control)
    site = sites.site_of(name, _WORKSPACE)
    if site is None:
        number, now = SiteId(int.from_bytes(os.urandom(8), "big") >> 1), int(time.time())
        site = Site(number, name, now, site_key(mint, number, name, now))
        site = sites.keep_site(site, _WORKSPACE)
    sites.close()
    with open_register(data) as register:
        site = _as_allowed(register, mint, site, wait=wait)
        register.tell_streets()
    return _shown(site, mint.public_url, wait=wait) | {"privacy": _privacy(mint, site)}


def list_sites(data: Data = DATA, public_url: _Url = None, as_json: Json = False) -> None:
    """List the websites with their keys.

    Example:
      inkdot site list
    """
    from inkdot.cli.consent import open_register
    from inkdot.cli.mail import open_mint
    from inkdot.store.sites import Sites

    folder, mint = open_mint(data, public_url)
    sites = Sites(folder.control)
    with open_register(data) as register:
        for site in sites.sites(_WORKSPACE):
            goals = [g._asdict() for g in sites.goals(site.id)]
            if as_json:
                put({**_shown(_as_allowed(register, mint, site), mint.public_url), "goals": goals})
            else:
                typer.echo(f"{to_word(SITE, site.id)}  {site.domain}  {', '.join(g['name'] for g in goals)}")
    sites.close()


def server_key(
    site: _Which,
    agreed: Annotated[
        bool, typer.Option("--agreed", help="Your servers tell only of visitors who agreed to it.")
    ] = False,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="The keys printed before are refused from now on; prints a new one.")
    ] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Print the key with which your own servers tell of visitors (docs/site.md); it stands in no page.

    Example:
      inkdot site server-key example.com
      inkdot site server-key example.com --revoke
    """
    found = next(answers(data, "site_server_key", {"site": site, "agreed": agreed, "revoke": revoke}))
    if as_json:
        put(found)
    else:
        typer.echo(found["server_key"])


def goal(
    site: _Which,
    name: Annotated[str, typer.Argument(help="The goal's name.")],
    page: Annotated[str | None, typer.Option(help="Reached with a view of this path; a * stands for anything.")] = None,
    event: Annotated[str | None, typer.Option(help="Reached with this event of the page.")] = None,
    seconds: Annotated[int | None, typer.Option(help="Reached with so many active seconds in one visit.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the goal.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Say what counts as reached on a site; reports count it in the past, too.

    Examples:
      inkdot site goal example.com contacted --page /thank-you*

      inkdot site goal example.com "signed up" --event signup
    """
    from inkdot.app.folder import Folder
    from inkdot.store.sites import Goal, Sites

    ways = [(kind, str(t)) for kind, t in (("page", page), ("event", event), ("seconds", seconds)) if t is not None]
    if len(ways) != (0 if remove else 1):
        raise UsageError("Say one way to reach the goal: --page, --event or --seconds; or --remove.")
    folder = Folder(data)
    folder.keyring()
    sites = Sites(folder.control)
    found = find_site(sites, site)
    if remove:
        sites.forget_goal(found.id, name)
    else:
        sites.keep_goal(found.id, Goal(name, *ways[0]))
    goals = [g._asdict() for g in sites.goals(found.id)]
    sites.close()
    if as_json:
        put({"site": to_word(SITE, found.id), "goals": goals})
    else:
        typer.echo("\n".join(f"{g['name']}: {g['kind']} {g['target']}" for g in goals) or "No goals.")


def find_site(sites: Sites, word: str) -> Site:
    """The site of a domain or id; raises UsageError."""
    from inkdot.mark.site import domain_of

    by_id = word.startswith(f"{SITE}_")
    site = sites.site(SiteId(from_word(SITE, word))) if by_id else sites.site_of(domain_of(word), _WORKSPACE)
    if site is None:
        raise UsageError(f"There is no site {word}; 'inkdot site list' shows those there are.")
    return site


def _privacy(mint: Mint, site: Site) -> str:
    """The privacy page that the site's own notice may link to; it names nobody and asks for the address."""
    from inkdot.domain.consent import Mode
    from inkdot.domain.ids import ContactId
    from inkdot.mark.mint import Person

    return mint.privacy(Person(ContactId(0), None, Mode.INDIVIDUAL), site.id, site.made, site.domain.encode())


def tag() -> bytes:
    """The script as the street serves it."""
    return Path(str(files("inkdot.collect").joinpath("static", "v1", "t.min.js"))).read_bytes()


def _as_allowed(register: Register, mint: Mint, site: Site, *, wait: bool = False) -> Site:
    """The site with the key that is to stand in its pages now."""
    from inkdot.mark.site import site_key

    # A tag that waits for inkdot.consent(true) has asked; another one may keep what the region allows unasked.
    mode = register.widest(site.domain, asked=wait).mode
    return site._replace(key=site_key(mint, site.id, site.domain, site.made, mode, asked=wait))


def _shown(site: Site, public_url: str, *, wait: bool = False) -> dict[str, Any]:
    from inkdot.mark.site import snippet

    lines = snippet(public_url, site.key, tag(), wait=wait)
    return {"site": to_word(SITE, site.id), "domain": site.domain, "key": site.key, "snippet": lines}
