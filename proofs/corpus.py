"""A hundred documents and more: marked, they open in LibreOffice with the same pages and words; unmarked, each is the file that it was, byte for byte.

    python proofs/corpus.py

Needs soffice (tools/need.sh). The documents are made by python-docx, python-pptx and openpyxl, whose own templates count too,
and by LibreOffice, which writes each of them in every format it can, and which ships templates of its own (MPL 2.0).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docx
import openpyxl
import pptx
import pypdfium2

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from inkdot.domain.errors import DocumentRefused  # noqa: E402
from inkdot.mark.document.marking import mark, unmark  # noqa: E402
from inkdot.mark.document.spots import Dots  # noqa: E402

KINDS = ("docx", "pptx", "xlsx", "odt", "odp", "ods")
URL = "https://192.0.2.1/o/{}.gif"
WORDS = [
    "The",
    "offer",
    "holds",
    "for",
    "thirty",
    "days",
    "and",
    "covers",
    "transport,",
    "assembly",
    "and",
    "a",
    "first",
    "inspection",
    "on",
    "site.",
]


def letters(folder: Path) -> None:
    """Letters and tables of growing length, by python-docx."""
    for number in range(14):
        made = docx.Document()
        made.add_heading(f"Letter {number}", number % 4)
        for line in range(3 + 6 * number):
            made.add_paragraph(
                " ".join(WORDS[(line + n) % len(WORDS)] for n in range(20 + line % 60)),
                ["Normal", "List Bullet", "Quote"][line % 3],
            )
            if number % 3 == 1 and line % 9 == 5:
                table = made.add_table(4, 3, "Table Grid")
                table.cell(1, 1).text = f"cell {line}, ü < & >"
            if number % 4 == 2 and line % 11 == 7:
                made.add_page_break()
            if number % 5 == 3 and line % 13 == 9:
                made.add_section()
        made.save(folder / f"letter-{number}.docx")


def decks(folder: Path) -> None:
    """Decks of slides, by python-pptx, in all its layouts."""
    for number in range(11):
        deck = pptx.Presentation()
        for slide in range(1 + number):
            shown = deck.slides.add_slide(deck.slide_layouts[(slide + number) % 11])
            for shape in shown.placeholders:
                if shape.has_text_frame:
                    shape.text = f"Slide {slide}: {WORDS[slide % len(WORDS)]}"
        deck.save(folder / f"deck-{number}.pptx")


def tables(folder: Path) -> None:
    """Workbooks with formulas and charts, by openpyxl."""
    for number in range(11):
        book = openpyxl.Workbook()
        for sheet in range(1 + number % 4):
            page = book.create_sheet(f"Sheet {sheet + 2}") if sheet else book.active
            for row in range(1, 5 + 4 * number):
                page.append([row, WORDS[row % len(WORDS)], row * 1.5, f"=A{row}*C{row}"])
            if number % 3 == 1:
                chart = openpyxl.chart.BarChart()
                chart.add_data(openpyxl.chart.Reference(page, min_col=3, min_row=1, max_row=4))
                page.add_chart(chart, "F2")
        book.save(folder / f"table-{number}.xlsx")


def office(folder: Path, kind: str, files: list[Path]) -> None:
    """Let LibreOffice write files in another kind, all by one process."""
    for at in range(0, len(files), 40):
        command = [
            "soffice",
            f"-env:UserInstallation=file://{folder.parent}/profile",
            "--headless",
            "--convert-to",
            kind,
            "--outdir",
            str(folder),
        ]
        subprocess.run([*command, *map(str, files[at : at + 40])], capture_output=True, check=True, timeout=900)


def corpus(folder: Path) -> list[Path]:
    """All documents."""
    for make in (letters, decks, tables):
        make(folder)
    own = sorted(folder.iterdir())
    for name, kinds in (("docx", ("odt",)), ("pptx", ("odp",)), ("xlsx", ("ods",))):
        for kind in kinds:
            office(folder, kind, [p for p in own if p.suffix == f".{name}"])
    shipped = sorted(Path("/usr/lib/libreoffice/share/template").rglob("*.ot[tps]"))[::4]
    for suffix, kinds in ((".ott", ("docx", "odt")), (".otp", ("pptx", "odp")), (".ots", ("xlsx", "ods"))):
        for kind in kinds:
            office(folder, kind, [p for p in shipped if p.suffix == suffix])
    again = folder / "again"
    again.mkdir()
    for old, new in (("odt", "docx"), ("odp", "pptx"), ("ods", "xlsx")):
        office(again, new, [p for p in folder.glob(f"*.{old}") if p.stem.startswith(("letter", "deck", "table"))])
    for path in again.iterdir():
        path.rename(folder / f"again-{path.name}")
    again.rmdir()
    return sorted(p for p in folder.iterdir() if p.suffix.lstrip(".") in KINDS)


def shown(folder: Path, files: list[Path]) -> dict[str, tuple[int, str]]:
    """Pages and text of each as LibreOffice shows it."""
    out = folder / "pdf"
    out.mkdir()
    for kind in KINDS:  # names may differ by their ending alone
        (out / kind).mkdir()
        office(out / kind, "pdf", [p for p in files if p.suffix == f".{kind}"])
    found = {}
    for file in files:
        made = out / file.suffix.lstrip(".") / f"{file.stem}.pdf"
        if made.exists():
            with pypdfium2.PdfDocument(made) as document:
                found[file.name] = len(document), "\n".join(p.get_textpage().get_text_bounded() for p in document)
    return found


def marked(files: list[Path], to: Path, dots: Dots) -> tuple[int, float]:
    """Mark each document; returns how many were not as before without their marks, and the seconds that marking took."""
    to.mkdir()
    wrong, spent = 0, 0.0
    for file in files:
        source = file.read_bytes()
        begun = time.perf_counter()
        try:
            copy, made = mark(source, URL.format, dots)
        except DocumentRefused as error:
            print(f"refused {file.name}: {error}")
            continue
        spent += time.perf_counter() - begun
        (to / file.name).write_bytes(copy)
        if unmark(copy) != source or not made:
            wrong += 1
            print(f"BAD {file.name}: unmarked it is not as it was")
    return wrong, spent


def not_shown(how: str, files: list[Path], seen: dict[str, tuple[int, str]]) -> int:
    """Name the documents of which LibreOffice made no PDF; returns how many."""
    missing = [file.name for file in files if file.name not in seen]
    for name in missing:
        print(f"BAD {name}: LibreOffice makes no PDF of it, {how}")
    return len(missing)


def main() -> None:
    """Say what came; exit 1 if a document is not as it should be, or is not shown by LibreOffice, marked or not.

    One dot must change nothing that is seen, and no more may those for each section or page: LibreOffice keeps a paragraph together
    with what hangs on it, so a dot at the wrong end of one moves lines.
    """
    with tempfile.TemporaryDirectory(prefix="inkdot-corpus-") as name:
        (plain := Path(name) / "plain").mkdir()
        files = corpus(plain)
        before = shown(plain, files)
        wrong = not_shown("as it was made", files, before)
        for dots in (Dots.ONE, Dots.SECTIONS, Dots.PAGES):
            dotted = Path(name) / str(dots)
            broken, spent = marked(files, dotted, dots)
            copies = sorted(dotted.iterdir())
            after = shown(dotted, copies)
            moved = [f.name for f in copies if f.name in before and before[f.name] != after.get(f.name, before[f.name])]
            for file in moved:
                print(f"{dots}: {file} looks different: {before[file][0]} pages, marked {after[file][0]}")
            wrong += not_shown(f"with dots {dots}", [f for f in copies if f.name in before], after)
            wrong += broken + len(moved) + (len(copies) < 100)
            print(
                f"dots {dots}: {len(copies)} of {len(files)} documents marked in {1000 * spent / max(1, len(copies)):.1f} ms each, "
                f"{broken} not as before when unmarked, {len(after)} shown by LibreOffice, {len(moved)} of them different",
                flush=True,
            )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
