"""Nothing in a document makes marking fall: coverage-guided odd parts and archives, each marked or refused with one sentence.

    python proofs/odd_documents.py            10 minutes
    python proofs/odd_documents.py 60         so many seconds

What was marked must be the same file as before once it is unmarked, byte for byte. The first exception ends the proof with a code over 0 and the input that did it.
"""

from __future__ import annotations

import io
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))

with atheris.instrument_imports(include=["inkdot.mark.document"]):
    from inkdot.domain.errors import DocumentRefused
    from inkdot.mark.document.marking import mark, unmark
    from inkdot.mark.document.spots import Dots

from tests.document.test_dots_in_documents import letter, odp, ods, odt, sheets, slides

SECONDS = 600
DOTS = (Dots.ONE, Dots.SECTIONS, Dots.PAGES)


def parts(document: bytes) -> dict[str, bytes]:
    """Every part's content; of one that is damaged where nobody looks, that it is."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(document)) as packed:
        for name in packed.namelist():
            try:
                found[name] = packed.read(name)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
                found[name] = type(error).__name__.encode()
    return found


def packed(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in content.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_STORED if name == "mimetype" else None)
    return out.getvalue()


WHOLE = [made() for made in (letter, slides, sheets, odt, odp, ods)]
PARTS = [parts(document) for document in WHOLE]


def odd(data: bytes) -> bytes:
    """The first bytes say which document, which part, where in it, and how much of it goes; the rest is put there."""
    which, part, high, low, gone = data[:5]
    document = which % len(PARTS)
    if part == 0xFF:  # the archive itself
        source = WHOLE[document]
        at = (high << 8 | low) % len(source)
        return source[:at] + data[5:] + source[at + gone :]
    content = dict(PARTS[document])
    name = sorted(content)[part % len(content)]
    at = (high << 8 | low) % (len(content[name]) + 1)
    content[name] = content[name][:at] + data[5:] + content[name][at + gone :]
    return packed(content)


def one(data: bytes) -> None:
    """Mark one odd document, and take the mark out again."""
    if len(data) < 6:
        return
    source = odd(data)
    try:
        marked, dots = mark(source, "https://t.example.com/o/{}.gif".format, DOTS[data[0] // 64 % 3])
        assert dots
        assert unmark(marked) == unmark(source), "unmarked it is not the file that it was"
    except DocumentRefused as refused:
        if not str(refused).endswith("."):
            raise


def main() -> None:
    """Run for the time asked for."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as name:
        seeds = Path(name) / "seeds"
        seeds.mkdir()
        for number in range(60):
            (seeds / str(number)).write_bytes(
                bytes([number * 4 % 256, number, 1, number * 3 % 256, number % 9]) + b"<w:p/>"
            )
        options = [f"-max_total_time={seconds}", "-max_len=512", "-timeout=10", f"-artifact_prefix={name}/"]
        atheris.Setup([sys.argv[0], *options, str(seeds)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
