"""What is promised is written down, and what is written down is true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inkdot.understand.rules import with_own
from tests.conftest import QUOTE, Server, inkdot

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_has_help_and_an_example() -> None:
    pages = (ROOT / "docs" / "cli.md").read_text().split("\n## ")[1:]
    assert len(pages) >= 14
    for page in pages:
        assert len(page.split("\n")) > 2
        if not page.startswith("inkdot demo"):
            assert "Example" in page, page.split("\n")[0]


def test_no_sql_stands_in_python() -> None:
    sql = re.compile(
        r"\b(SELECT\s+.+\s+FROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b", re.DOTALL
    )
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not sql.search(node.value), f"{path}: {node.value[:60]}"


def test_files_and_functions_stay_small() -> None:
    sizes = []
    for path in SOURCES:
        text = path.read_text()
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                sizes.append(node.end_lineno - node.lineno + 1)
    sizes.sort()
    assert sizes[-1] <= 60
    assert sizes[len(sizes) // 2] <= 8
    assert sizes[int(len(sizes) * 0.95)] <= 40


def test_every_package_is_explained() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("dependencies = [")[1].split("]\n")[0]
    names = re.findall(r'"([\w-]+)', block)
    decisions = (ROOT / "docs" / "decisions.md").read_text()
    assert names
    assert all(name in decisions for name in names)


@pytest.mark.parametrize(
    "page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions.md", "docs/words.md"]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


def test_the_files_that_the_architecture_names_are_there() -> None:
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## Where things are")[2].partition("Imports run")[0]
    house, found = ROOT / "src" / "inkdot", 0
    for row in table.splitlines():
        folders = {house}
        for name in re.findall(r"`([\w/]+(?:/|\.\w+))`", row):
            named = [folder / name for folder in folders if (folder / name).exists()]
            assert named, f"{name} in: {row}"
            folders |= {path if path.is_dir() else path.parent for path in named}
            found += 1
    assert found > 40


def test_the_readmes_commands_work(server: Server, tmp_path: Path) -> None:
    (tmp_path / "quote.eml").write_bytes(QUOTE)
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    inkdot (mail mark|link|timeline|report mail)([^#\n]*)", readme, re.MULTILINE)
    assert len(commands) == 4
    for name, rest in commands:
        words = [
            w.replace("quote.eml", str(tmp_path / "quote.eml")).replace("out", str(tmp_path / "out"))
            if w in ("quote.eml", "out")
            else w
            for w in rest.split()
        ]
        inkdot(*name.split(), *words, "--data", server.data)


def test_help_comes_quickly() -> None:
    done = inkdot("--help")
    assert "inkdot demo" in done.stdout
    heavy = (
        "import inkdot.cli, sys; print([m for m in ('duckdb', 'ua_parser', 'starlette', 'uvloop') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_the_example_of_own_rules_is_a_rule_file() -> None:
    section = (
        (ROOT / "docs" / "reasons.md").read_text().partition("## Rules of your own")[2].partition("Under `when`")[0]
    )
    book = with_own("\n".join(line for line in section.splitlines() if line.startswith("    ")))
    assert book.rules[0].id == "OWN1"
    assert "X9" not in {rule.id for rule in book.rules}
