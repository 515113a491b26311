"""What a page is on paper, and in German."""

from __future__ import annotations

from collections.abc import Iterator

import pypdfium2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from inkdot.show.pages.words import words_of
from tests.conftest import BEN, Server, closing
from tests.office.desk import GINA, Office, signed_in

WORDS = "Surely: only a person does that."


@pytest.fixture(scope="module")
def dark(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, BrowserContext]]:
    """An office, and Ada in it by night."""
    server = Server(tmp_path_factory.mktemp("printed") / "data", "--trusted-proxies", "127.0.0.1/32")
    office = Office(server)
    with closing(chromium):
        yield office, signed_in(chromium, office, color_scheme="dark")
    server.stop()


def paper(page: Page) -> tuple[int, str]:
    """Pages, and the words of the first."""
    with pypdfium2.PdfDocument(page.pdf(format="A4")) as printed:
        return len(printed), printed[0].get_textpage().get_text_range()


def test_a_report_of_a_person_and_of_a_mail_is_one_page_with_what_the_words_mean(
    dark: tuple[Office, BrowserContext],
) -> None:
    office, context = dark
    page = context.new_page()
    for path, told in (
        (f"/people/{BEN}", ("A person clicked the link in Firefox.", "surely a person")),
        (f"/mails/{office.mail}", (GINA, "probably", "Last heard")),
        (f"/documents/{office.document}", ("Visits",)),
    ):
        page.goto(path)
        expect(page.get_by_role("button", name="Print a report")).to_be_visible()
        expect(page.get_by_text(WORDS)).to_be_hidden()
        pages, text = paper(page)
        assert pages == 1, path
        for words in (*told, WORDS):
            assert words in " ".join(text.split()), (path, words)
        for words in ("Sign out", "Erase", "Save as", "Why?", "Make the link"):
            assert words not in text, (path, words)


def test_paper_is_light_and_cuts_no_table_off_also_by_night(dark: tuple[Office, BrowserContext]) -> None:
    office, context = dark
    page = context.new_page()
    page.set_viewport_size({"width": 690, "height": 1000})  # an A4 page between its margins
    page.goto(f"/mails/{office.mail}")
    page.emulate_media(media="print", color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(29, 30, 34)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 690
    sure, likely = (
        page.evaluate(f"getComputedStyle(document.querySelector('.event .mark.{word}')).printColorAdjust")
        for word in ("yes", "likely")
    )
    assert (sure, likely) == ("exact", "exact")


def test_the_button_prints(dark: tuple[Office, BrowserContext]) -> None:
    page = dark[1].new_page()
    page.add_init_script("window.print = () => { window.printed = true }")
    page.goto(f"/people/{BEN}")
    page.get_by_role("button", name="Print a report").click()
    assert page.evaluate("window.printed")


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "individual, by the default of an installation without a region",
            "alles von dieser Person, nach der Voreinstellung ohne gewählte Region",
        ),
        (
            "off, by the person's withdrawal (the rule of the workspace would allow aggregate)",
            "nichts, nach dem Widerruf der Person (mehr dürfte es nach der Regel des Arbeitsbereichs: nur gezählt, ohne Namen)",
        ),
        ("Looked at a page, coming by Organic Search.", "Hat eine Seite angesehen, gekommen über Suche, unbezahlt."),
    ],
)
def test_sentences_of_the_house_are_german_to_their_end(english: str, german: str) -> None:
    assert words_of("de").sentence(english) == german
