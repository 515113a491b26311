"""Who is told of what, when, and of what nobody is ever told."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from inkdot.act.notice import Wish, checked, digest_text, last_digest, not_before
from inkdot.act.signing import sign
from inkdot.app.folder import Folder
from inkdot.app.house import House
from inkdot.domain.errors import UsageError
from inkdot.settings import load
from tests.act.conftest import Receiver
from tests.conftest import ADA, QUOTE, THUNDERBIRD, Server, eventually, inkdot
from tests.office.asking import PASSWORD, Program, Reader, key_for
from tests.office.conftest import Firms

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


def test_quiet_hours_let_a_notice_wait_for_their_end() -> None:
    wish = Wish(quiet="22:00-07:00", zone="Europe/Berlin")
    assert not_before(wish, at("2026-11-23T12:00:00+01:00")) == at("2026-11-23T12:00:00+01:00")
    assert not_before(wish, at("2026-11-23T23:30:00+01:00")) == at("2026-11-24T07:00:00+01:00")
    assert not_before(wish, at("2026-11-24T06:59:00+01:00")) == at("2026-11-24T07:00:00+01:00")
    assert not_before(Wish(), 7) == 7


@pytest.mark.parametrize(
    ("quiet", "heard", "told"),
    [  # clocks go back on 25 October 2026 at 03:00, and forward on 29 March 2026 at 02:00
        ("22:00-07:00", "2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"),
        ("22:00-07:00", "2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        ("02:00-03:00", "2026-10-25T02:15:00+02:00", "2026-10-25T03:00:00+01:00"),
        ("02:00-03:00", "2026-10-25T02:15:00+01:00", "2026-10-25T03:00:00+01:00"),
        ("22:00-02:30", "2026-03-28T23:59:59+01:00", "2026-03-29T03:30:00+02:00"),
        ("00:00-00:00", "2026-11-23T00:00:00+01:00", "2026-11-23T00:00:00+01:00"),
        ("23:59-00:01", "2026-11-23T23:59:30+01:00", "2026-11-24T00:01:00+01:00"),
        ("23:59-00:01", "2026-11-24T00:00:59+01:00", "2026-11-24T00:01:00+01:00"),
    ],
)
def test_quiet_hours_go_by_the_clocks_of_their_place(quiet: str, heard: str, told: str) -> None:
    wish = Wish(quiet=quiet, zone="Europe/Berlin")
    assert not_before(wish, at(heard)) == at(told)
    assert not_before(wish, at(told)) == at(told), "and then they are over"


def test_a_digest_comes_once_on_days_when_clocks_change() -> None:
    wish = Wish(digest="02:30", zone="Europe/Berlin")
    for night in ("2026-10-24T22:00:00+02:00", "2026-03-28T22:00:00+01:00"):
        begin = at(night)
        due = [last_digest(wish, begin + 60 * minute) for minute in range(12 * 60)]
        assert len(set(due)) == 2, "yesterday's, then one of today"
        assert all(d is not None and d <= begin + 60 * minute for minute, d in enumerate(due))


def test_a_digest_is_due_at_its_hour_of_the_users_day() -> None:
    wish = Wish(digest="08:00", zone="Europe/Berlin")
    assert last_digest(wish, at("2026-11-23T08:00:00+01:00")) == at("2026-11-23T08:00:00+01:00")
    assert last_digest(wish, at("2026-11-23T07:59:00+01:00")) == at("2026-11-22T08:00:00+01:00")
    assert last_digest(Wish(), 0) is None


def test_a_digest_names_who_did_most_first_and_says_nothing_of_a_quiet_day() -> None:
    told = [
        ("ben@example.com", "2026-11-23T10:00:00.000Z", "A"),
        ("cleo@example.com", "2026-11-23T11:00:00.000Z", "B"),
    ] * 2
    text = digest_text([*told, told[1]], "https://office.example.com") or ""
    assert text.index("cleo") < text.index("ben")
    assert "11-23 10:00 UTC  A" in text
    assert digest_text([], "https://office.example.com") is None


@pytest.mark.parametrize("wish", [Wish(quiet="late"), Wish(digest="8"), Wish(digest="25:00"), Wish(zone="Atlantis")])
def test_a_wish_that_cannot_be_kept_is_refused_in_a_sentence(wish: Wish) -> None:
    with pytest.raises(UsageError, match=r"write (it|them) like"):
        checked(wish)


def test_a_key_has_no_notices_of_its_own(firms: Firms) -> None:
    assert firms.ours.get("/notices").status == 403


@pytest.fixture
def told(tmp_path: Path) -> Iterator[tuple[Server, Program, Receiver]]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text('private_networks = ["127.0.0.0/8"]\ntrusted_proxies = ["127.0.0.1/32"]\n')
    server, receiver = Server(data), Receiver()
    inkdot("account", "add", ADA, "--ask", "--data", data, stdin=PASSWORD + "\n")
    ada = Program(server)
    assert ada.sign_in(ADA).status == 201
    yield server, ada, receiver
    receiver.close()
    server.stop()


def dots(program: Program, *people: str) -> list[str]:
    said = program.post("/messages", {"mail": base64.b64encode(QUOTE).decode(), "to": list(people)})
    return [str(urlsplit(copy["dots"][0]).path) for copy in said.json["copies"]]


def test_the_first_open_of_each_person_is_told_at_once_and_nothing_of_machines_and_muted_people(
    told: tuple[Server, Program, Receiver],
) -> None:
    server, ada, receiver = told
    ben, bot, quiet, last = dots(ada, "ben@example.com", "bot@example.com", "quiet@example.com", "last@example.com")
    said = ada.ask("PUT", "/notices", {"ntfy": f"{receiver.url}/ada", "token": "tk_secret", "first_only": True})
    assert said.status == 200, said.body
    assert said.json["token"] == "set"
    assert ada.ask("PUT", f"/people/{quote('quiet@example.com')}/mute").json["muted"] is True
    assert ada.get("/notices").json["muted"] == ["quiet@example.com"]
    for n, dot in enumerate((ben, ben, quiet)):
        server.get(dot, User_Agent=THUNDERBIRD, X_Forwarded_For=f"198.51.100.{n + 1}")
    server.get(bot, User_Agent=GOOGLEBOT, X_Forwarded_For="198.51.100.9")
    eventually(lambda: receiver.at("/ada"))
    server.get(last, User_Agent=THUNDERBIRD, X_Forwarded_For="198.51.100.10")
    eventually(lambda: any("last@" in h.body.decode() for h in receiver.at("/ada")))
    texts = [h.body.decode() for h in receiver.at("/ada")]
    assert [t.split()[0] for t in texts] == ["ben@example.com", "last@example.com"]
    heard = receiver.at("/ada")[0]
    assert heard.headers["title"] == "The quote"
    assert heard.headers["authorization"] == "Bearer tk_secret"


def test_a_digest_waits_in_the_outbox_for_the_mail_server_and_comes_once(
    told: tuple[Server, Program, Receiver],
) -> None:
    server, ada, _ = told
    (dot,) = dots(ada, "ben@example.com")
    there_now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=5, minutes=30)
    far = f"{(there_now.hour + 12) % 24:02}:00"  # no digest is due while this is tried
    ada.ask("PUT", "/notices", {"digest": far, "zone": "Asia/Kolkata", "language": "de"})
    server.get(dot, User_Agent=THUNDERBIRD, X_Forwarded_For="198.51.100.1")
    key = key_for(server)
    (event,) = eventually(lambda: key.get("/events").json["data"])
    server.stop()
    folder = Folder(server.data)
    with folder.owned():
        house = House(folder, load(folder.root, {}))
        tomorrow = int(dt.datetime.now(dt.UTC).timestamp()) + 86_400
        assert house.notices.send_digests(tomorrow) == 1
        assert house.notices.send_digests(tomorrow + 60) == 0
        (row,) = house.acting.outbox.due_at("email", tomorrow + 90_000, 10)
        house.close()
    action = json.loads(row.action)
    assert (action["do"], action["to"]) == ("digest", ADA)
    assert "ben@example.com" in action["text"]
    assert "The quote" in action["text"]
    there = dt.datetime.fromisoformat(event["time"]) + dt.timedelta(hours=5, minutes=30)
    assert f"  {there:%m-%d %H:%M}  Ein Mensch hat die Mail in Thunderbird geöffnet." in action["text"]
    assert action["subject"] == "Inkdot: eines, was jemand tat"


def test_a_user_is_told_by_a_webhook_of_his_own_signed_and_beside_ntfy(told: tuple[Server, Program, Receiver]) -> None:
    server, ada, receiver = told
    wish = {"ntfy": f"{receiver.url}/ada", "token": "tk_secret", "webhook": f"{receiver.url}/hook"}
    said = ada.ask("PUT", "/notices", wish).json
    secret = said["secret"]
    assert secret.startswith("whsec_")
    assert ada.get("/notices").json["secret"] == "set", "it is told once"
    page = Reader(server, ADA)
    form = {"do": "notices", "kind_open": "1", "zone": "UTC", **{k: wish[k] for k in ("ntfy", "webhook")}}
    assert page.ask("POST", "/me", form)[0] == 303, "nothing new is to be told"
    (dot,) = dots(ada, "ben@example.com")
    server.get(dot, User_Agent=THUNDERBIRD, X_Forwarded_For="198.51.100.1")
    (heard,) = eventually(lambda: receiver.at("/hook"))
    event = json.loads(heard.body)
    assert (event["type"], event["data"]["event"]["person"]) == ("mail.opened", "ben@example.com")
    signed = sign(secret, heard.headers["webhook-id"], int(heard.headers["webhook-timestamp"]), heard.body)
    assert heard.headers["webhook-signature"] == signed
    (push,) = eventually(lambda: receiver.at("/ada"))
    assert push.headers["authorization"] == "Bearer tk_secret", "the page kept what it cannot show"
    status, _, shown = page.ask("POST", "/me", form | {"webhook": f"{receiver.url}/another"})
    fresh = re.search(r"<code>(whsec_[\w+/=]+)</code>", shown)
    assert status == 200
    assert fresh
    assert fresh[1] != secret
    assert ada.ask("PUT", "/notices", {"webhook": f"{receiver.url}/hook", "secret": "guess"}).status == 422
