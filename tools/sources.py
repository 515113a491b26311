"""Write `understand/data/engines.txt` and `spam.xz` from copies of public-domain lists.

    python tools/sources.py SearchEngines.yml Socials.yml AIAssistants.yml referrer-spam.txt

The first three are of matomo-org/searchengine-and-social-list, the last of matomo-org/referrer-spam-list, all CC0 1.0. What Inkdot
needs of them is kept in its own form: who, which query parameter, which hosts. Needs PyYAML.
"""

from __future__ import annotations

import lzma
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

DATA = Path(__file__).parents[1] / "src/inkdot/understand/data"
HEAD = """\
# Search engines, social networks and AI assistants, from the lists of matomo-org/searchengine-and-social-list (CC0 1.0),
# written by tools/sources.py: kind | name | query parameters with the search term | hosts (* = any country, may have a path).
# asked: a search engine only where the term is there, because the host has other pages too. sources.txt comes before this.
"""
_SEARCHES = re.compile(r"search|suche|such\.|find|buscador|recherche|ricerca|szukaj")


def hosts(patterns: list[str]) -> Iterator[str]:
    """`{}` stands for a country: at the front any host under the rest will do, inside it stays a star."""
    for pattern in patterns:
        host = pattern.removeprefix("www.").removeprefix("{}.").lower()
        if "." in host:
            yield host.replace("{}", "*")


def lines(kind: str, listed: dict[str, Any]) -> Iterator[str]:
    """The lines of one list."""
    for name, found in listed.items():
        for entry in found if isinstance(found[0], dict) else [{"urls": found, "params": []}]:
            terms = " ".join(p for p in entry.get("params") or [] if not p.startswith("/"))
            told = set(hosts(entry["urls"]))
            always = {
                h for h in told if kind != "search" or "hiddenkeyword" in entry or _SEARCHES.search(h) or not terms
            }
            for how, some in ((kind, always), ("asked", told - always)):
                if some:
                    yield f"{how} | {unquote(name)} | {terms} | {' '.join(sorted(some))}"


def main(engines: str, socials: str, assistants: str, spam: str) -> None:
    """Write both files."""
    found = [line for kind, path in (("search", engines), ("social", socials), ("ai", assistants))
             for line in lines(kind, yaml.safe_load(Path(path).read_text()))]  # fmt: skip
    (DATA / "engines.txt").write_text(HEAD + "\n".join(found) + "\n")
    domains = sorted({line.strip().lower() for line in Path(spam).read_text().splitlines() if line.strip()})
    (DATA / "spam.xz").write_bytes(lzma.compress("\n".join(domains).encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main(*sys.argv[1:])
