"""SQL lives in `.sql` files, each question with a name and a line that says what it asks."""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest

import inkdot
from inkdot.store.query import migrations, questions

NOUNS = ("control", "events", "export", "post", "reports", "verify")
SQL = re.compile(
    r"^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|PRAGMA|ATTACH|DETACH|COPY|BEGIN|COMMIT|WITH|SET|CHECKPOINT)\b"
)
SOURCES = sorted(Path(inkdot.__file__).parent.rglob("*.py"))


def queries(noun: str) -> str:
    return files("inkdot.store").joinpath("queries", f"{noun}.sql").read_text()


def test_no_python_file_holds_sql() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert found == []


@pytest.mark.parametrize("noun", NOUNS)
def test_every_question_has_one_name_and_a_line_about_it(noun: str) -> None:
    lines = queries(noun).splitlines()
    names = [
        (line.removeprefix("-- name: "), lines[n + 1]) for n, line in enumerate(lines) if line.startswith("-- name: ")
    ]
    assert len(names) == len({name for name, _ in names}) == len(questions(noun))
    assert [name for name, about in names if not re.fullmatch(r"-- [A-Z].*\.", about)] == []
    assert all(text.startswith(f"/* {noun}.{name} */") for name, text in questions(noun).items())


@pytest.mark.parametrize("noun", ["control", "events", "export", "post", "reports"])
def test_every_question_is_asked_somewhere(noun: str) -> None:
    code = "\n".join(path.read_text() for path in SOURCES)
    # `find_raws` and its like are put together from a verb and a table.
    built = {
        f"{verb}_{table}" for verb in ("find", "add", "content", "count") for table in ("raws", "verdicts", "urls")
    }
    built |= {f"take_{table}" for table in ("raws", "verdicts", "urls", "closed", "recent", "dropped", "checkpoints")}
    assert [name for name in questions(noun) if f'"{name}"' not in code and name not in built] == []


@pytest.mark.parametrize("store", ["control", "events"])
def test_migrations_are_numbered_in_their_order_and_never_twice(store: str) -> None:
    numbers = [m.number for m in migrations(store)]
    assert numbers == sorted(set(numbers))
