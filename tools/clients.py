"""Packs the add-ons of clients/ into dist/: `make clients`. The same sources give the same bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
_EPOCH = (2026, 1, 1, 0, 0, 0)


def pack(client: str, target: Path) -> Path:
    """One add-on, with what both share, as a file that its program installs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([*(ROOT / "clients" / "shared").iterdir(), *(ROOT / "clients" / client).iterdir()]):
            archive.writestr(zipfile.ZipInfo(path.name, _EPOCH), path.read_bytes())
    return target


if __name__ == "__main__":
    for client, ending in (("thunderbird", "xpi"), ("webmail", "zip")):
        sys.stdout.write(f"{pack(client, ROOT / 'dist' / f'inkdot-{client}.{ending}')}\n")
