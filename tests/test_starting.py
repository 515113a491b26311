"""Commands start from nothing, and whatever is imported first: most tests run them in forks of a process that has imported all."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import inkdot
from tests.conftest import ADA, PATIENCE, stable
from tests.conftest import inkdot as run
from tests.forked import from_nothing

PACKAGE = Path(inkdot.__file__).parent
FIRST = """
import importlib, os, sys
import argon2, cryptography.x509, dns.resolver, duckdb, msgspec, nanoarrow, PIL.Image, rich.progress, starlette.routing, typer, ua_parser

for name in sys.argv[1:]:
    pid = os.fork()
    if not pid:
        importlib.import_module(name)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        print(name)
"""


def imported_by_commands() -> set[str]:
    """What is imported when a command runs."""
    trees = [ast.parse(path.read_text()) for path in (PACKAGE / "cli").glob("*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = {node.module for f in functions for node in ast.walk(f) if isinstance(node, ast.ImportFrom) and node.module}
    return {name for name in found if name.startswith("inkdot.")}


def test_each_module_that_commands_import_can_be_imported_before_all_others() -> None:
    found = imported_by_commands()
    assert len(found) > 40
    done = subprocess.run([sys.executable, "-c", FIRST, *found], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_fork_is_told_apart_from_a_start_from_nothing_by_nothing(tmp_path: Path) -> None:
    words = ["account", "add", ADA, "--ask", "--json", "--data", str(tmp_path / "forked")]
    forked = run(*words, stdin="four words from a book\n")
    started = from_nothing([*words[:-1], str(tmp_path / "started")], "four words from a book\n", 2 * PATIENCE)
    assert (forked.returncode, forked.stdout) == (started.returncode, started.stdout)
    for wrong in ("nonsense", "--help", "timeline"):
        forked, started = (start([wrong], None, 2 * PATIENCE) for start in (stable().run, from_nothing))
        assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_each_fork_is_a_process_of_its_own_with_chances_of_its_own(tmp_path: Path) -> None:
    keys = {run("key", "--json", "--data", tmp_path / f"{number}").stdout for number in range(3)}
    assert len(keys) == 3
