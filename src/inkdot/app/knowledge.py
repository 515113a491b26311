"""What a folder knows beyond what comes with Inkdot: an operator's rules, network lists, a city database."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.app.channels import own_channels
from inkdot.app.folder import Folder
from inkdot.domain.errors import BadSetting
from inkdot.domain.evidence import City
from inkdot.understand.address import Networks
from inkdot.understand.channels import Channels
from inkdot.understand.loading import FILE as PROGRAMS
from inkdot.understand.loading import Programs, programs
from inkdot.understand.rules import RuleBook, shipped, with_own

RULES, USED_RULES = "rules.toml", "rules.used.toml"
LISTS = ("vpn", "hosting", "tor", "mobile")
"""Tags that lists of networks may give."""


class Knowledge(NamedTuple):
    """Networks and rules, and what of the operator's files was refused."""

    networks: Networks
    book: RuleBook
    channels: Channels
    troubles: tuple[str, ...]


def programs_of(folder: Folder) -> Programs:
    """How programs load documents; own measurements that cannot be read count for nothing."""
    own = folder.root / PROGRAMS
    try:
        return programs(own.read_text()) if own.exists() else programs()
    except (BadSetting, OSError, UnicodeDecodeError):
        return programs()


def geo_folder(folder: Folder) -> Path:
    """Where fetched geographic data lie."""
    return folder.root / "geo"


def knowledge(folder: Folder, city_file: str, *, ga4_strict: bool = False) -> Knowledge:
    """Everything that can be read; a file that cannot is told in `troubles`, and what was used before stays."""
    troubles: list[str] = []
    book = _book(folder, troubles)
    cities, date = None, None
    path = Path(city_file) if city_file else geo_folder(folder) / "city.mmdb"
    if city_file or path.exists():
        try:
            cities, date = open_cities(path)
        except BadSetting as error:
            troubles.append(str(error))
    lines = [line for tag in LISTS for line in _listed(geo_folder(folder) / f"{tag}.txt", tag, troubles)]
    channels = own_channels(folder, troubles, ga4_strict=ga4_strict)
    return Knowledge(Networks(cities=cities, lists=lines, date=date), book, channels, tuple(troubles))


def _book(folder: Folder, troubles: list[str]) -> RuleBook:
    own, used = folder.root / RULES, folder.root / USED_RULES
    if not own.exists():
        used.unlink(missing_ok=True)
        return shipped()
    try:
        text = own.read_text()
        book = with_own(text, RULES)
    except (BadSetting, OSError, UnicodeDecodeError) as error:
        troubles.append(f"{error} The rules used before stay in force.")
        return with_own(used.read_text(), USED_RULES) if used.exists() else shipped()
    used.write_text(text)
    return book


def _listed(path: Path, tag: str, troubles: list[str]) -> Iterator[str]:
    if path.exists():
        try:
            yield from (f"{network} {tag}" for network in networks_in(path.read_text()))
        except ValueError as error:
            troubles.append(f"{path.name}: {error}; 'inkdot geo update --{tag}' replaces it.")


def networks_in(text: str) -> list[str]:
    """The networks or addresses in a text, one a line, # for comments; raises ValueError that names the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        network = line.partition("#")[0].strip()
        if network:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"line {number} is no network: {network[:60]}") from None
            found.append(network)
    return found


# -- cities


def open_cities(path: Path) -> tuple[Callable[[bytes], City | None], str]:
    """A look-up in an mmdb file, and the day of its data; raises BadSetting."""
    import maxminddb  # noqa: PLC0415 - only where a city file is used

    try:
        reader = maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError, ValueError) as error:
        raise BadSetting(f"The city database {path} cannot be read ({error}); the country table goes on.") from error
    day = dt.datetime.fromtimestamp(reader.metadata().build_epoch, dt.UTC).date().isoformat()

    def look_up(address: bytes) -> City | None:
        ip = ipaddress.IPv6Address(address)
        try:
            record = reader.get(ip.ipv4_mapped or ip)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None
        return _city(record) if isinstance(record, Mapping) else None

    return look_up, day


def _city(record: Mapping[str, Any]) -> City:
    """MaxMind's and DB-IP's nested form, or the flat form of IPinfo and of repackaged files."""
    country, city = record.get("country"), record.get("city")
    if isinstance(city, Mapping) or isinstance(country, Mapping):
        region = (record.get("subdivisions") or [{}])[0]
        where = record.get("location") or {}
        radius = where.get("accuracy_radius")
        return City(
            _english(city), _english(region), (country or {}).get("iso_code") if isinstance(country, Mapping) else None,
            radius if isinstance(radius, int) else None,
        )  # fmt: skip
    code = record.get("country_code") or country
    region = record.get("region") or record.get("state1")
    radius = record.get("radius")
    return City(
        _text(city), _text(region), _text(code) if isinstance(code, str) and len(code) == 2 else None,
        int(radius) if isinstance(radius, int | str) and str(radius).isdigit() else None,
    )  # fmt: skip


def _english(names: Any) -> str | None:
    return _text((names.get("names") or {}).get("en")) if isinstance(names, Mapping) else None


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
