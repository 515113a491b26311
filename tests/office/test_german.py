"""Whoever asks for German gets German to the last sentence: on every page, in refusals, reasons and settings."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from inkdot.domain.evidence import SENTENCES
from inkdot.domain.untreated import SENTENCES as UNTREATED
from inkdot.mark.reasons import SENTENCES as LEFT_ALONE
from inkdot.settings import Settings
from inkdot.show.pages.words import words_of
from tests.office.desk import Office, signed_in

SRC = Path(__file__).parents[2] / "src" / "inkdot"
REFUSALS = frozenset(
    ("UsageError", "NotFound", "NotAllowed", "SignInFirst", "CodeWanted", "TooOften", "BadRule", "BadSetting", "BadAddress", "BadId", "Failure")
)  # fmt: skip
HEARD_IN_THE_OFFICE = (
    *("show", "show/pages", "domain"),
    *("act/rule.py", "act/notice.py", "act/signing.py", "mark/mint.py", "mark/site.py", "room/uploads.py", "room/pages.py", "store/accounts.py"),
    *(f"app/{noun}.py" for noun in ("acting", "audiences", "choosing", "consent", "house", "identities", "library", "mailers", "notices", "sample", "sending", "sharing", "webhooks")),
)  # fmt: skip
ALIKE = re.compile(
    r"inkdot |https?://|^[\w.@-]+$|user-agent|Mozilla/|\{|^GET$|[A-Z]{2,}\b.*\d|example\.com|INBOX|csv|data-site|^Apple Mail$"
)
"""Commands, addresses, names and code are the same in every language."""
GERMAN = words_of("de")


def refusals() -> Iterator[tuple[str, str]]:
    for place in HEARD_IN_THE_OFFICE:
        for file in [SRC / place] if place.endswith(".py") else sorted((SRC / place).glob("*.py")):
            for call in ast.walk(ast.parse(file.read_text())):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in REFUSALS:
                    for said in call.args:
                        if isinstance(said, ast.JoinedStr):
                            yield (
                                file.name,
                                "".join(str(v.value) if isinstance(v, ast.Constant) else "X" for v in said.values),
                            )
                        elif isinstance(said, ast.Constant) and isinstance(said.value, str) and " " in said.value:
                            yield file.name, said.value


def test_every_refusal_that_a_page_can_tell_has_its_german() -> None:
    told = list(refusals())
    assert len(told) > 100
    assert [(file, text) for file, text in told if GERMAN.sentence(text) == text] == []


def test_every_reason_and_every_setting_has_its_german() -> None:
    helps = [field.metadata["help"] for field in dataclasses.fields(Settings) if field.metadata.get("help")]
    reasons = (*SENTENCES.values(), *LEFT_ALONE.values(), *UNTREATED.values())
    assert [text for text in (*reasons, *helps) if GERMAN.sentence(text) == text and text != "Its password."] == []


def test_what_rules_saw_is_told_in_german_piece_by_piece() -> None:
    saw = "agent contains GoogleImageProxy, network google_proxy, less than 5 s after hand-over"
    assert (
        GERMAN.fact(saw)
        == "Programmkennung enthält GoogleImageProxy, Netz google_proxy, weniger als 5 s nach der Übergabe"
    )


def lines(chromium: Browser, office: Office, locale: str, paths: list[str]) -> dict[str, set[str]]:
    context = signed_in(chromium, office, locale=locale)
    tab, found = context.pages[0], {}
    for path in paths:
        tab.goto(path)
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found[path] = {line.strip() for line in tab.locator("body").inner_text().splitlines()}
    context.close()
    return found


@pytest.mark.parametrize(
    "wrong",
    [["/people?sort=nonsense", "/people?page=0", "/people?since=soon", "/mails/msg_zzz", "/nowhere", "/shared/forged"]],
)
def test_no_sentence_of_a_page_is_left_in_english(chromium: Browser, office: Office, wrong: list[str]) -> None:
    paths = [*office.pages, *wrong]
    english, german = (lines(chromium, office, locale, paths) for locale in ("en-GB", "de-DE"))
    left = {
        (path, line) for path in paths for line in english[path] & german[path]
        if len(re.findall(r"[a-z]{3,}", line)) > 1 and not ALIKE.search(line)
    }  # fmt: skip
    assert left == set()
