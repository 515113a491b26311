"""Office documents become PDFs by LibreOffice, where it is installed, in a jail: see `jail` for what it may not.

One conversion at a time for a data folder, however many processes ask. soffice says 0 even when it fails, so what counts is
that a PDF is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inkdot.domain.errors import DocumentRefused, DocumentUnreadable, Failure
from inkdot.mark.document.mapped import mapped
from inkdot.mark.document.package import Package
from inkdot.room.jail import NO_JAIL
from inkdot.room.uploads import ENDINGS

WORKSHOP = ".converting"
"""The folder for it, beside what was drawn."""
OFF = "off"
SECONDS = 120
"""That a conversion may take."""
_MEMORY = 3_000_000_000
_PLACES = ("/usr/bin", "/usr/local/bin", "/opt/libreoffice*/program", "/usr/lib/libreoffice/program", "/snap/bin")
_MAY_READ = (
    "/usr", "/lib", "/lib64", "/lib32", "/bin", "/opt", "/etc/libreoffice", "/etc/fonts", "/etc/ld.so.cache",
    "/etc/alternatives", "/etc/localtime", "/etc/passwd", "/etc/locale.alias", "/var/cache/fontconfig", "/proc", "/sys/devices/system",
    "/sys/fs/cgroup", "/var/lib/libreoffice", "/var/spool/libreoffice", "/etc/nsswitch.conf", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip
_NOT_INSTALLED = (
    "{name} cannot be shown without LibreOffice: install it (Debian: apt install libreoffice-writer-nogui "
    "libreoffice-calc-nogui libreoffice-impress-nogui), or share it as a PDF."
)
_FAILED = (
    "LibreOffice cannot make pages of {name}: {why}. Open it in its program, save it anew or as a PDF, and share that."
)
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
</oor:items>
"""
"""Of the profile: macros do not run, and links are not followed, though the jail would not let them."""


def office(setting: str = "") -> str | None:
    """Where LibreOffice's program is: what was set, or where it is installed; None if nowhere, or if set to off."""
    if setting:
        return None if setting == OFF else str(Path(setting).resolve())
    places = [str(p) for place in _PLACES for p in sorted(Path("/").glob(place.lstrip("/")))]
    found = next(
        filter(None, (shutil.which(n, path=os.pathsep.join(places)) for n in ("soffice", "libreoffice"))), None
    )
    return str(Path(found).resolve()) if found else None


class Converter:
    """Makes PDFs. Its profile is made once and copied for each document, so that none leaves anything for the next."""

    def __init__(self, folder: Path, program: str = "", seconds: int = SECONDS) -> None:
        """`folder` holds the profile and what is being worked on; `program` is LibreOffice's, or off; empty: looked for."""
        self._folder, self._program, self._seconds = folder, program, seconds

    def __call__(self, source: Path, media: str, to: Path, name: str) -> None:
        """Make a PDF of an upload. Raises DocumentUnreadable, with a sentence that says what to do."""
        program = office(self._program)
        if program is None:
            raise DocumentUnreadable(_NOT_INSTALLED.format(name=name))
        _checked(source, name)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._turn(), tempfile.TemporaryDirectory(prefix="making-", dir=self._folder) as work:
            made = self._made(program, source, ENDINGS[media], Path(work), name)
            shutil.move(made, to)

    def _made(self, program: str, source: Path, ending: str, work: Path, name: str) -> Path:
        profile = self._folder / "profile"
        if profile.exists():
            shutil.copytree(profile, work / "profile")
        else:
            (work / "profile/user").mkdir(parents=True)
            (work / "profile/user/registrymodifications.xcu").write_text(_SETTINGS, encoding="utf-8")
            self._run(program, work, ["--terminate_after_init"])  # a fresh profile is made ready, without any document
            half = self._folder / f"profile.{os.getpid()}"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(work / "profile", half)
            with contextlib.suppress(OSError):
                half.rename(profile)
        file, made = work / f"document.{ending}", work / "out/document.pdf"
        shutil.copyfile(source, file)
        code = self._run(program, work, ["--convert-to", "pdf", "--outdir", "out", file.name])
        if made.exists() and made.stat().st_size > 100:
            with made.open("rb") as opened:
                if opened.read(5) == b"%PDF-":
                    return made
        why = "it took too long" if code is None else "it is damaged, protected, or needs too much memory"
        raise DocumentUnreadable(_FAILED.format(name=name, why=why))

    def _run(self, program: str, work: Path, words: list[str]) -> int | None:
        """LibreOffice in its jail; its exit code, None if it took too long. Nothing that it started is left."""
        (work / "tmp").mkdir(exist_ok=True)
        command = [
            program, "-env:UserInstallation=file://{work}/profile", "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck", "--nofirststartwizard", *words,
        ]  # fmt: skip
        wish = {
            "command": command, "work": str(work), "memory": _MEMORY, "seconds": self._seconds, "space": True,
            "may_read": [*_MAY_READ, str(Path(program).parent.parent)],
        }  # fmt: skip
        room = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        jail = subprocess.Popen(
            [sys.executable, "-m", "inkdot.room.jail", json.dumps(wish)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env=room | {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "TZ")},
        )  # fmt: skip
        try:
            code = jail.wait(self._seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(jail.pid, signal.SIGKILL)
            jail.wait()
        if code == NO_JAIL:
            raise Failure(
                "LibreOffice cannot be kept off the network on this system, so it is not used: allow user namespaces, or "
                "share a PDF."
            )
        return code

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One conversion at a time. Whoever died over one left a folder behind, which goes."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self._folder.glob("making-*"):
                shutil.rmtree(left, ignore_errors=True)
            yield


def _checked(source: Path, name: str) -> None:
    """Refuse packages that would unpack to far more than they should, before LibreOffice does it."""
    with source.open("rb") as file:
        packed = file.read(2) == b"PK"
    if not packed:
        return
    try:
        Package(mapped(source), to_mark=False).refuse_lies()
    except DocumentRefused as error:
        raise DocumentUnreadable(f"{name} cannot be shown. {error}") from error
