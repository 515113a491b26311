"""LibreOffice as Debian has it: without a window, and in a real one on a screen of its own (Xvfb, xdotool)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2

from tests.conftest import PATIENCE, eventually

_SHOWN, _STARTS = 75.0, 3
"""Seconds in which a window is there, and how often it is tried: once, on a busy machine, LibreOffice never showed itself."""
_NO_FIRST_STEPS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Misc"><prop oor:name="ShowTipOfTheDay" oor:op="fuse"><value>false</value></prop></item>
<item oor:path="/org.openoffice.Setup/Product"><prop oor:name="ooSetupLastVersion" oor:op="fuse"><value>99.9</value></prop></item>
</oor:items>
"""


def profile(folder: Path) -> str:
    """A profile that greets nobody; its option for the command line."""
    user = folder / "profile" / "user"
    user.mkdir(parents=True, exist_ok=True)
    (user / "registrymodifications.xcu").write_text(_NO_FIRST_STEPS)
    return f"-env:UserInstallation=file://{user.parent}"


def turned(file: Path, kind: str, folder: Path) -> Path:
    """A file, turned into another kind."""
    command = ["soffice", profile(folder), "--headless", "--convert-to", kind, "--outdir", str(folder), str(file)]
    subprocess.run(command, capture_output=True, check=True, timeout=2 * PATIENCE)
    return folder / f"{file.stem}.{kind}"


def printed(file: Path, folder: Path) -> tuple[int, str]:
    """Pages and text of a file as LibreOffice shows them."""
    with pypdfium2.PdfDocument(turned(file, "pdf", folder)) as document:
        return len(document), "\n".join(page.get_textpage().get_text_range() for page in document)


class Window:
    """A document in LibreOffice's own window."""

    def __init__(self, display: str, name: str, group: int) -> None:
        """`group` is that of its processes."""
        self._group = group
        self._screen = os.environ | {"DISPLAY": display}
        self._number = eventually(lambda: self._ask("search", "--onlyvisible", "--name", f"^{name}"), _SHOWN).split()[0]
        self._ask("windowsize", self._number, "1000", "760")
        self._ask("windowfocus", self._number)

    @property
    def title(self) -> str:
        return self._ask("getwindowname", self._number)

    def press(self, key: str, times: int = 1) -> None:
        """As a hand does it, not faster."""
        for _ in range(times):
            self._ask("key", "--window", self._number, "--clearmodifiers", key)
            time.sleep(0.3)

    def rest(self) -> None:
        """Wait until what was pressed is shown: for a second the program does nothing to speak of."""
        spent = -1
        while (now := self._ticks()) > spent + 3:
            spent = now
            time.sleep(1)

    def _ticks(self) -> int:
        """What its processes took of the processor."""
        spent = 0
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                fields = entry.read_text().rsplit(")", 1)[1].split()
                spent += (int(fields[11]) + int(fields[12])) * (int(fields[2]) == self._group)
        return spent

    def _ask(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words], env=self._screen, capture_output=True, text=True, check=False
        ).stdout.strip()


def _end(program: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, 9)
    program.wait()


@contextmanager
def opened(file: Path, folder: Path) -> Iterator[Window]:
    """The file, opened by a double click on a screen of its own."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x800x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    program = None
    try:
        with os.fdopen(read) as told:
            display = f":{told.readline().strip()}"
        for attempt in range(_STARTS):
            program = subprocess.Popen(
                ["soffice", profile(folder / f"start{attempt}"), "--nologo", "--norestore", "--nolockcheck", "--view", str(file)],
                env=os.environ | {"DISPLAY": display, "SAL_USE_VCLPLUGIN": "gen"},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            try:
                window = Window(display, file.name, program.pid)
                break
            except AssertionError:
                if attempt + 1 == _STARTS:
                    raise
                _end(program)
        yield window
    finally:
        if program:
            _end(program)
        screen.terminate()
        screen.wait()
