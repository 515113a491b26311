"""The first minute: the set-up link is opened by itself, and only where somebody sits before a screen."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, eventually


def served(folder: Path, *options: str, terminal: bool) -> Path:
    """Run the server until it is ready and end it; returns the file into which a pretended browser writes what it was to open."""
    opened, browser = folder / "opened", folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [sys.executable, "-m", "inkdot", "serve", "--data", str(folder / "data"), "--public-port", "0", "--office-port", "0", *options]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"BROWSER": str(browser)}
    ) as server:
        assert server.stdout
        assert server.stdout.readline().startswith(b"ready ")
        said = b""
        while b"/setup/" not in said:
            said += os.read(ours, 4096)
        if terminal or "--open" in options:
            eventually(opened.exists)
        server.terminate()
        server.wait(PATIENCE)
    os.close(ours)
    os.close(theirs)
    return opened


@pytest.mark.parametrize(("options", "terminal"), [((), True), (("--open",), False)])
def test_the_set_up_link_is_opened_for_who_sits_there(tmp_path: Path, options: tuple[str, ...], terminal: bool) -> None:
    assert "/setup/" in eventually(served(tmp_path, *options, terminal=terminal).read_text)


def test_nothing_is_opened_where_nobody_looks(tmp_path: Path) -> None:
    assert not served(tmp_path, terminal=False).exists()
