"""Marked documents in LibreOffice: they open, look as before, and ask for their dot; what is taken out again asks for nothing.

    python proofs/documents.py

Needs soffice (tools/need.sh). Each document is turned into a PDF before and after marking, with the network on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pypdfium2

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.conftest import Server, inkdot, inkdot_json  # noqa: E402
from tests.document.test_dots_in_documents import letter, odp, ods, odt, sheets, slides, strict, table_only  # noqa: E402

FILES = {
    "letter.docx": letter, "strict.docx": strict, "table.docx": table_only, "slides.pptx": slides, "sheets.xlsx": sheets,
    "text.odt": odt, "deck.odp": odp, "table.ods": ods,
}  # fmt: skip


def converted(file: Path, folder: Path) -> tuple[int, str]:
    """Pages and text as LibreOffice shows them."""
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(file)]
    subprocess.run(command, capture_output=True, check=True, timeout=180)
    with pypdfium2.PdfDocument(folder / f"{file.stem}.pdf") as document:
        return len(document), "\n".join(page.get_textpage().get_text_range() for page in document)


def main() -> None:
    """Say for each document what came; exit 1 if anything is not as it should be."""
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        folder = Path(name)
        server = Server(folder / "data")
        try:
            for file, make in FILES.items():
                (folder / file).write_bytes(make())
                before = converted(folder / file, folder)
                person, marked, clean = f"{file}@example.com", folder / f"marked-{file}", folder / f"clean-{file}"
                inkdot(
                    "doc",
                    "mark",
                    folder / file,
                    "--to",
                    person,
                    "--out",
                    marked,
                    "--data",
                    server.data,
                    "--public-url",
                    server.public,
                )
                after = converted(marked, folder)
                events = inkdot_json("timeline", person, "--data", server.data)["events"]
                inkdot("doc", "unmark", marked, "--out", clean)
                converted(clean, folder)
                still = inkdot_json("timeline", person, "--data", server.data)["events"]
                acts = [e for e in events if e["repeat_of"] is None]
                good = before == after and len(acts) == 1 and len(still) == len(events)
                wrong += not good
                print(
                    f"{'ok  ' if good else 'BAD '} {file}: {before[0]} pages, {after[0]} after; {len(events)} fetches, {len(still) - len(events)} once unmarked"
                )
        finally:
            server.stop()
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
