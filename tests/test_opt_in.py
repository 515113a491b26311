"""Double opt-in: a mail without marks asks, and only what is confirmed behind its link counts."""

from __future__ import annotations

import email
import http.client
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import policy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.conftest import BEN, EVE, PATIENCE, Server, eventually, inkdot, inkdot_json
from tests.relay.sink import Got, Sink

CLEO = "cleo@example.com"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("asking") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(
        f'owner = "ada@example.com"\ncontroller = "Ada & Co <x>"\nupstream = "{sink.url}?tls=off"\nregion = "eu"\n'
    )
    running = Server(data)
    yield running
    running.stop()


def post(url: str, **fields: str) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.request("POST", parts.path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def mails_to(sink: Sink, person: str) -> list[Got]:
    return [got for got in sink.got if got.to == person]


def link_in(got: Got) -> str:
    text = email.message_from_bytes(got.content, policy=policy.default).get_content()
    found = re.search(r"^(http\S+)\s*$", text, re.MULTILINE)
    assert found
    return found[1]


def choices(server: Server, person: str) -> list[dict[str, Any]]:
    return list(inkdot_json("consent", "log", person, "--data", server.data)["choices"])


def test_only_a_confirmed_question_becomes_consent_with_its_proof(asking: Server, sink: Sink) -> None:
    asked = inkdot_json("consent", "ask", BEN, "--data", asking.data)
    (mail,) = mails_to(sink, BEN)
    assert link_in(mail) == asked["url"]
    assert b"/o/" not in mail.content
    assert b"<img" not in mail.content
    assert choices(asking, BEN) == []
    status, _, page = asking.get(asked["url"])
    assert status == 200
    assert b"Ada &amp; Co &lt;x&gt;" in page
    assert choices(asking, BEN) == []  # scanners follow links
    status, text = post(asked["url"])
    assert status == 200
    (row,) = choices(asking, BEN)
    assert (row["act"], row["mode"], row["method"], row["language"]) == ("set", "individual", "double_opt_in", "en")
    assert row["text"] == asked["text"]
    assert row["version"]
    assert inkdot("consent", "verify", "--data", asking.data).returncode == 0
    back = re.search(r'href="([^"]+/p/[^"]+)"', text)
    assert back
    assert asking.get(back[1])[0] == 200
    # Nobody is asked again soon, and whoever refused even less.
    assert "not asked again so soon" in inkdot("consent", "ask", BEN, "--data", asking.data, check=False).stderr
    inkdot("consent", "withdraw", EVE, "--data", asking.data)
    refused = inkdot("consent", "ask", EVE, "--data", asking.data, check=False)
    assert refused.returncode == 2
    assert "said no" in refused.stderr
    assert mails_to(sink, EVE) == []


def test_the_form_asks_whoever_typed_an_address_once_and_tells_nobody_whom(asking: Server, sink: Sink) -> None:
    made = inkdot_json("consent", "form", "--scope", "list:news", "--language", "de", "--data", asking.data)
    assert "checked" not in made["html"]
    assert f'action="{made["url"]}"' in made["html"]
    page = asking.get(made["url"])[2].decode()
    assert 'type="checkbox" name="yes" value="1" required>' in page
    assert post(made["url"], address=CLEO)[0] == 422
    assert post(made["url"], address="nobody", yes="1")[0] == 422
    first, again = (post(made["url"], address=CLEO, yes="1") for _ in range(2))
    assert first == again
    assert first[0] == 200
    (mail,) = eventually(lambda: mails_to(sink, CLEO))
    assert choices(asking, CLEO) == []
    assert post(link_in(mail))[0] == 200
    assert choices(asking, CLEO)[0]["scope"] == "list:news"
    assert choices(asking, CLEO)[0]["language"] == "de"


def test_a_form_that_is_sent_many_times_at_once_asks_once(asking: Server, sink: Sink) -> None:
    url = inkdot_json("consent", "form", "--data", asking.data)["url"]
    felix, go_on = "felix@example.com", threading.Event()

    def hold() -> None:
        go_on.wait(PATIENCE)

    sink.before_250 = hold
    try:
        with ThreadPoolExecutor() as browsers:
            sent = [browsers.submit(post, url, address=felix, yes="1") for _ in range(3)]
            eventually(lambda: sum(one.done() for one in sent) + len(mails_to(sink, felix)) == len(sent))
            go_on.set()
    finally:
        sink.before_250 = None
        go_on.set()
    assert [one.result()[0] for one in sent] == [200] * 3
    assert len(mails_to(sink, felix)) == 1


def test_forged_links_and_texts_too_long_for_a_link_are_refused(asking: Server) -> None:
    url = inkdot_json("consent", "form", "--text", "Yes to <b>all</b>", "--data", asking.data)["url"]
    assert "Yes to &lt;b&gt;all&lt;/b&gt;" in asking.get(url)[2].decode()
    assert asking.get(url[:-3] + "AAA")[0] == 404
    assert post(url[:-3] + "AAA", yes="1")[0] == 404
    assert post(url, yes="x" * 5_000)[0] == 413
    long = inkdot("consent", "form", "--text", "x" * 3_000, "--data", asking.data, check=False)
    assert long.returncode == 2
    assert inkdot("consent", "form", "--language", "tlh", "--data", asking.data, check=False).returncode == 2


def test_where_nobody_may_be_named_there_is_nothing_to_ask_for(asking: Server, sink: Sink) -> None:
    data, eve = asking.data, "eve@clinic.example"
    form = inkdot_json("consent", "form", "--data", data)["url"]
    inkdot("consent", "limit", "--mode", "aggregate", "--data", data)
    for words in (("ask", eve), ("form",)):
        refused = inkdot("consent", *words, "--data", data, check=False)
        assert refused.returncode == 2
        assert "the rule of the workspace allows aggregate at the most" in refused.stderr
    assert post(form, yes="1", address=eve)[0] == 410
    assert not mails_to(sink, eve)
    # To be written to is another thing.
    inkdot("consent", "ask", eve, "--scope", "purpose:mail", "--data", data)
    assert len(mails_to(sink, eve)) == 1
    inkdot("consent", "limit", "--mode", "individual", "--data", data)
    # Who chose less by any way said no.
    inkdot("consent", "set", "cleo@clinic.example", "--mode", "aggregate", "--data", data)
    assert "said no" in inkdot("consent", "ask", "cleo@clinic.example", "--data", data, check=False).stderr


def test_without_a_mail_server_one_is_told_what_to_set(tmp_path: Path) -> None:
    done = inkdot("consent", "ask", BEN, "--data", tmp_path / "data", check=False)
    assert done.returncode == 1
    assert "set upstream and owner" in done.stderr
    assert inkdot_json("consent", "log", BEN, "--data", tmp_path / "data")["choices"] == []


def test_an_erased_person_is_in_no_list_of_who_was_asked(asking: Server, sink: Sink) -> None:
    dora = "dora@example.com"
    inkdot("consent", "ask", dora, "--data", asking.data)
    eventually(lambda: mails_to(sink, dora))
    inkdot("person", "erase", dora, "--yes", "--data", asking.data)
    shown = json.loads(inkdot("consent", "log", dora, "--data", asking.data, "--json").stdout)
    assert shown["mode"] == "off"
    assert "was erased" in inkdot("consent", "ask", dora, "--data", asking.data, check=False).stderr
