"""Build `show/static/world.svg`: the outlines of countries, a path for each, named by its ISO code.

    python tools/worldmap.py

Needs npm (`npm pack` checks the packages' integrity) and the registry it is set to. Sources: world-atlas (ISC; its shapes are
Natural Earth's, in the public domain) at 1:110 million, i18n-iso-countries (MIT) for the codes. Drawn in the Natural Earth
projection of T. Patterson; Antarctica is left out, and about sixty places are too small to be seen at this size.
"""

from __future__ import annotations

import json
import math
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/inkdot/show/static/world.svg"
ANTARCTICA, MIDDLE, SCALE, WIDTH, TOP, HEIGHT = "010", 11.5, 175, 960, 250, 420
Point = tuple[int, int]


def fetched(package: str, name: str, folder: Path) -> Any:
    """A JSON file of a package."""
    done = subprocess.run(["npm", "pack", package, "--json"], cwd=folder, capture_output=True, check=True)
    with tarfile.open(folder / json.loads(done.stdout)[0]["filename"]) as archive:
        content = archive.extractfile(f"package/{name}")
        assert content
        return json.load(content)


def projected(longitude: float, latitude: float) -> Point:
    """Degrees to whole units of the drawing, which is cut through the Bering Strait, where no country is."""
    turned = longitude - MIDDLE + (360 if longitude < MIDDLE - 180 else 0)
    x, p = math.radians(turned), math.radians(latitude)
    p2 = p * p
    p4 = p2 * p2
    east = x * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4)))
    north = p * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4)))
    return round(WIDTH / 2 + SCALE * east), round(TOP - SCALE * north)


def arcs(atlas: Any) -> list[list[Point]]:
    """The borders, drawn; TopoJSON keeps each once, as steps."""
    (sx, sy), (tx, ty) = atlas["transform"]["scale"], atlas["transform"]["translate"]
    found = []
    for steps in atlas["arcs"]:
        x = y = 0
        line = []
        for dx, dy in steps:
            x, y = x + dx, y + dy
            line.append(projected(x * sx + tx, y * sy + ty))
        found.append(line)
    return found


def rings(shape: Any, drawn: list[list[Point]]) -> Iterator[list[Point]]:
    """The closed lines of a country."""
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    for polygon in polygons:
        for ring in polygon:
            line: list[Point] = []
            for number in ring:
                part = drawn[number] if number >= 0 else drawn[~number][::-1]
                line += part[1:] if line else part
            yield [p for n, p in enumerate(line) if n == 0 or p != line[n - 1]]


def path(lines: Iterator[list[Point]]) -> str:
    """As SVG, each point from the one before."""
    told = ""
    for line in lines:
        if len(line) < 4:  # nothing to be seen
            continue
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(line[:-1])]
        told += f"M{line[0][0]} {line[0][1]}l" + " ".join(f"{x} {y}" for x, y in steps).replace(" -", "-") + "z"
    return told


def main() -> None:
    """Write the drawing."""
    with tempfile.TemporaryDirectory() as name:
        atlas = fetched("world-atlas@2", "countries-110m.json", Path(name))
        codes = {numeric: two for two, _, numeric, *_ in fetched("i18n-iso-countries@7", "codes.json", Path(name))}
    drawn = arcs(atlas)
    land = []
    for shape in atlas["objects"]["countries"]["geometries"]:
        code = codes.get(shape.get("id", ""))
        told = path(rings(shape, drawn)) if shape.get("id") != ANTARCTICA and shape["arcs"] else ""
        if told:
            land.append(f'<path id="{code}" d="{told}"/>' if code else f'<path d="{told}"/>')
    box = f"0 {TOP - 250} {WIDTH} {HEIGHT}"
    note = "Natural Earth, public domain; tools/worldmap.py"
    TARGET.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><!-- {note} --><g id="land">{"".join(land)}</g></svg>\n'
    )


if __name__ == "__main__":
    main()
