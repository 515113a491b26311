"""Build `understand/data/geo.xz`: which country and which network an address belongs to.

    python tools/geodata.py

Needs npm (`npm pack` checks the packages' integrity) and the registry it is set to. Sources: @ip-location-db/geo-whois-asn-country
(CC0 1.0) for countries, @ip-location-db/asn (CC BY 4.0, RouteViews and DB-IP) for networks. The file's form is told in
`understand/geo.py`.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import re
import subprocess
import tarfile
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src/inkdot/understand/data/geo.xz"
COUNTRIES, NETWORKS = "@ip-location-db/geo-whois-asn-country", "@ip-location-db/asn"
Range = tuple[int, int, object]


def fetched(package: str, folder: Path) -> tuple[tarfile.TarFile, str]:
    """The package's archive and the day of its data, as its version tells (2.3.YYYYMMDDNN)."""
    done = subprocess.run(["npm", "pack", package, "--json"], cwd=folder, capture_output=True, check=True)
    told = json.loads(done.stdout)[0]
    day = re.fullmatch(r"\d+\.\d+\.(\d{4})(\d\d)(\d\d)\d*", told["version"])
    if day is None:
        raise SystemExit(f"The version {told['version']} of {package} does not tell a day.")
    return tarfile.open(folder / told["filename"].replace("@", "").replace("/", "-")), "-".join(day.groups())


def rows(archive: tarfile.TarFile, name: str) -> Iterator[list[str]]:
    """The lines of a CSV file in an archive."""
    file = archive.extractfile(f"package/{name}")
    if file is None:
        raise SystemExit(f"There is no {name} in {archive.name}.")
    yield from csv.reader(io.TextIOWrapper(file))


def steps(ranges: list[Range]) -> list[tuple[int, object]]:
    """Ranges as points from which on a value holds; None holds in gaps. Overlaps are clipped: the later range gives way."""
    found: list[tuple[int, object]] = [(0, None)]
    end = -1
    for start, last, value in sorted(ranges, key=lambda r: (r[0], -r[1])):
        begin = max(start, end + 1)
        if begin > last:
            continue
        if begin > end + 1:
            found.append((end + 1, None))
        found.append((begin, value))
        end = last
    found.append((end + 1, None))
    return found


def joined(
    countries: list[tuple[int, object]], networks: list[tuple[int, object]]
) -> Iterator[tuple[int, tuple[object, object]]]:
    """Both at once: points from which on a (country, network) holds."""
    points = sorted([(p, 0, v) for p, v in countries] + [(p, 1, v) for p, v in networks], key=lambda x: x[:2])
    now: list[object] = [None, None]
    last: tuple[int, tuple[object, object]] | None = None
    shown: tuple[object, object] | None = None
    for place, which, value in points:
        if last and last[0] != place and last[1] != shown:
            yield last
            shown = last[1]
        now[which] = value
        last = (place, (now[0], now[1]))
    if last and last[1] != shown:
        yield last


def main() -> None:
    """Write the file and say how large it is."""
    with tempfile.TemporaryDirectory() as folder:
        by_country, day = fetched(COUNTRIES, Path(folder))
        by_network, day_too = fetched(NETWORKS, Path(folder))
        names: dict[int, str] = {}
        blocks: list[bytes] = []
        pairs: dict[tuple[object, object], int] = {}
        counts = []
        for version, shift, code in (("ipv4", 0, "I"), ("ipv6", 64, "Q")):
            where: list[Range] = [
                (int(a) >> shift, int(b) >> shift, c)
                for a, b, c in rows(by_country, f"geo-whois-asn-country-{version}-num.csv")
            ]
            whose: list[Range] = []
            for a, b, number, name in rows(by_network, f"asn-{version}-num.csv"):
                names[int(number)] = name.replace("\n", " ")
                whose.append((int(a) >> shift, int(b) >> shift, int(number)))
            table = list(joined(steps(where), steps(whose)))
            places = [p for p, _ in table if p < 1 << (32 if code == "I" else 64)]
            gaps = array(code, [b - a for a, b in zip([0, *places], places, strict=False)])
            values = array("I", [pairs.setdefault(pair, len(pairs)) for _, pair in table[: len(places)]])
            blocks += [gaps.tobytes(), values.tobytes()]
            counts.append(len(places))
        numbers = sorted(names)
        blocks += [
            array("I", [n or 0 for _, n in pairs]).tobytes(),  # type: ignore[misc]
            "".join(c or "--" for c, _ in pairs).encode(),  # type: ignore[misc]
            array("I", numbers).tobytes(),
            "\n".join(names[n] for n in numbers).encode(),
        ]
        head = {"date": min(day, day_too), "points": counts, "pairs": len(pairs), "networks": len(numbers)}
        packed = lzma.compress(json.dumps(head).encode() + b"\n" + b"".join(blocks), preset=9 | lzma.PRESET_EXTREME)
        TARGET.write_bytes(packed)
        print(f"{TARGET.name}: {len(packed)} bytes; {head}")


if __name__ == "__main__":
    main()
