"""Documents that others made, from the test files of other projects: marked in three ways, marked again and unmarked.

    python proofs/real_documents.py

They come as Debian's source packages of pandoc (GPL-2 or later) and of Apache POI (Apache-2.0), whose authors collected what
Word, Excel, PowerPoint, LibreOffice, Google Docs and many generators wrote, broken ones among them. Nothing of them is kept.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from inkdot.domain.errors import DocumentRefused  # noqa: E402
from inkdot.mark.document.marking import mark, unmark  # noqa: E402
from inkdot.mark.document.spots import Dots  # noqa: E402

PACKAGES = ("pandoc", "libapache-poi-java")
ENDINGS = (".docx", ".dotx", ".pptx", ".potx", ".ppsx", ".xlsx", ".xltx", ".odt", ".ott", ".odp", ".ods", ".ots")
URL = "https://192.0.2.1/o/{}.gif"
FEWEST = 500
FEW_ANEW = 2
"""Documents whose members fill up so much that their way back does not fit beside them (docs/documents.md)."""
MOST_CHANGED = 3
"""Parts that one dot touches: the text, its relations, the list of kinds."""


def fetched(folder: Path) -> list[Path]:
    """The archives, from wherever this machine has its packages from."""
    sources = folder / "sources.list.d"
    (sources / "parts").mkdir(parents=True)
    (folder / "lists" / "partial").mkdir(parents=True)
    system = Path("/etc/apt")
    for listed in (*system.glob("sources.list"), *system.glob("sources.list.d/*")):
        lines = [
            line.replace("Types: deb", "Types: deb-src").replace("deb ", "deb-src ", 1)
            if line.startswith(("Types: deb", "deb "))
            else line
            for line in listed.read_text().splitlines()
        ]
        (sources / "parts" / listed.name).write_text("\n".join(lines) + "\n")
    (sources / "none").touch()
    apt = ("-o", f"Dir::Etc::sourcelist={sources / 'none'}", "-o", f"Dir::Etc::sourceparts={sources / 'parts'}",
           "-o", f"Dir::State::lists={folder / 'lists'}", "-o", "APT::Sandbox::User=root")  # fmt: skip
    subprocess.run(["apt-get", "update", "-qq", *apt], cwd=folder, check=False, timeout=300)
    subprocess.run(
        ["apt-get", "source", "-qq", "--download-only", *apt, *PACKAGES], cwd=folder, check=True, timeout=600
    )
    return sorted(folder.glob("*.orig.tar.*"))


def documents(archives: list[Path]) -> dict[str, bytes]:
    """Name in its archive -> the file."""
    found = {}
    for archive in archives:
        with tarfile.open(archive) as packed:
            for member in packed:
                if member.isfile() and member.name.lower().endswith(ENDINGS) and (file := packed.extractfile(member)):
                    found[member.name] = file.read()
    return found


def changed(source: bytes, copy: bytes) -> int:
    """Parts of the original that are not the same in the copy."""
    with zipfile.ZipFile(io.BytesIO(source)) as before, zipfile.ZipFile(io.BytesIO(copy)) as after:
        kept = {part.filename: part.CRC for part in after.infolist()}
        return sum(kept.get(part.filename) != part.CRC for part in before.infolist())


def fault(source: bytes, dots: Dots) -> str | None:
    """What is wrong with the marked copy of one document; raises DocumentRefused."""
    copy, made = mark(source, URL.format, dots)
    if not made:
        return "it has no dot and was not refused"
    if changed(source, unmark(copy)):
        return "unmarked it is not as it was"
    if unmark(copy) == source and mark(copy, URL.format, dots)[0] != copy:
        return "marked twice it is not as marked once"
    if dots is Dots.ONE and changed(source, copy) > MOST_CHANGED:
        return f"one dot changed {changed(source, copy)} parts"
    return None


def main() -> None:
    """Say what came; exit 1 if a document is not as it should be, or there are too few."""
    with tempfile.TemporaryDirectory(prefix="inkdot-real-") as name:
        found = documents(fetched(Path(name)))
    wrong, counts, refusals, anew = int(len(found) < FEWEST), Counter[str](), Counter[str](), Counter[str]()
    for path, source in found.items():
        for dots in (Dots.ONE, Dots.SECTIONS, Dots.PAGES):
            try:
                bad = fault(source, dots)
            except DocumentRefused as error:
                refusals[str(error)] += dots is Dots.ONE
                continue
            counts[str(dots)] += 1
            anew[path] += unmark(mark(source, URL.format, dots)[0]) != source
            if bad:
                wrong += 1
                print(f"BAD {path}, {dots}: {bad}", flush=True)
    for path in (path for path, packed in anew.items() if packed):
        print(f"{path}: unmarked its parts are as they were, packed anew, for it has no room for its way back")
    wrong += max(0, anew.total() - 3 * FEW_ANEW)
    for sentence, times in refusals.most_common():
        print(f"{times:4} refused: {sentence}")
    print(f"{len(found)} documents; marked: " + ", ".join(f"{many} with dots {dots}" for dots, many in counts.items()))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
