"""Fetch geographic data: a city database, and lists of VPN, hosting, Tor and mobile networks."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import os
import shutil
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from inkdot.app.folder import Folder
from inkdot.app.knowledge import LISTS, geo_folder, networks_in, open_cities
from inkdot.domain.errors import BadSetting, Failure, UsageError
from inkdot.understand.address import Networks

DB_IP = "https://download.db-ip.com/free/dbip-city-lite-{month}.mmdb.gz"
CREDIT = "IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0); networks by RouteViews and DB-IP (CC BY 4.0)"
_SECONDS = 60
_MOST_BYTES = 2 << 30
_MOST_LIST_BYTES = 64 << 20


def update(folder: Folder, sources: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Fetch what is named: `city` and tags of LISTS, each a file or a web address; without any, DB-IP's cities.

    Every file is checked before it takes the place of the old one; a failure leaves the old one. Raises Failure, UsageError.
    """
    target = geo_folder(folder)
    target.mkdir(mode=0o700, exist_ok=True)
    for tag, source in (sources or {"city": ""}).items():
        yield _cities(target, source) if tag == "city" else _list(target, tag, source)


def status(folder: Folder, city_file: str) -> dict[str, Any]:
    """What is known of places, and from which day."""
    networks = Networks()
    found: dict[str, Any] = {"countries": networks.date, "cities": None, "lists": {}, "credit": CREDIT}
    path = Path(city_file) if city_file else geo_folder(folder) / "city.mmdb"
    if path.exists():
        found["cities"] = open_cities(path)[1]
    for tag in LISTS:
        listed = geo_folder(folder) / f"{tag}.txt"
        if listed.exists():
            day = dt.datetime.fromtimestamp(listed.stat().st_mtime, dt.UTC).date().isoformat()
            found["lists"][tag] = {"date": day, "networks": len(networks_in(listed.read_text()))}
    return found


def _cities(target: Path, source: str) -> dict[str, Any]:
    half = target / "city.half"
    if source:
        _fetch(source, half, _MOST_BYTES)
    else:
        _this_months(half)
    try:
        _, day = open_cities(half)
    except BadSetting as error:
        half.unlink(missing_ok=True)
        raise Failure(f"What came is no city database; the old one stays. ({error})") from error
    _put(half, target / "city.mmdb")
    return {"what": "city", "date": day, "bytes": (target / "city.mmdb").stat().st_size, "credit": CREDIT}


def _this_months(half: Path) -> None:
    """DB-IP's file of this month, or in its first days of the last one."""
    today = dt.datetime.now(dt.UTC).date()
    months = [today, today.replace(day=1) - dt.timedelta(days=1)]
    for month in months:
        try:
            _fetch(DB_IP.format(month=month.strftime("%Y-%m")), half, _MOST_BYTES)
        except Failure:
            if month is months[-1]:
                raise
        else:
            return


def _list(target: Path, tag: str, source: str) -> dict[str, Any]:
    if tag not in LISTS:
        raise UsageError(f"There is no list {tag!r}; there are {', '.join(LISTS)}.")
    half = target / f"{tag}.half"
    _fetch(source, half, _MOST_LIST_BYTES)
    try:
        count = len(networks_in(half.read_text()))
    except (ValueError, UnicodeDecodeError) as error:
        half.unlink(missing_ok=True)
        raise Failure(f"{source} is no list of networks ({error}); the old one stays.") from error
    if not count:
        half.unlink(missing_ok=True)
        raise Failure(f"{source} holds no network at all; the old list stays.")
    _put(half, target / f"{tag}.txt")
    return {"what": tag, "networks": count}


def _fetch(source: str, half: Path, most: int) -> None:
    """A file or a web address into `half`, unpacked if it is gzip."""
    half.unlink(missing_ok=True)
    try:
        with _opened(source) as stream, half.open("xb") as out:
            _copy(stream, out, most)
            out.flush()
            os.fsync(out.fileno())
    except (OSError, EOFError, ValueError) as error:
        half.unlink(missing_ok=True)
        raise Failure(
            f"{source} cannot be fetched ({getattr(error, 'strerror', None) or error}); what was there before stays."
        ) from error


@contextlib.contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if urlsplit(source).scheme in ("http", "https"):
        request = urllib.request.Request(source, headers={"User-Agent": "inkdot"})  # noqa: S310 - the scheme was checked
        stream: IO[bytes] = urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310
    elif "://" in source:
        raise ValueError("only files and addresses with http or https work")
    else:
        stream = Path(source).open("rb")  # noqa: SIM115 - closed two lines below
    with stream:
        packed = urlsplit(source).path.endswith(".gz")
        yield cast(IO[bytes], gzip.GzipFile(fileobj=stream)) if packed else stream


def _copy(stream: IO[bytes], out: IO[bytes], most: int) -> None:
    copied = 0
    while block := stream.read(1 << 20):
        copied += len(block)
        if copied > most:
            raise ValueError(f"it is larger than {most >> 20} MB")
        out.write(block)


def _put(half: Path, target: Path) -> None:
    shutil.copymode(target, half) if target.exists() else half.chmod(0o600)
    half.replace(target)
