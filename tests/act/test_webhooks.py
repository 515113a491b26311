"""Webhooks: who is told what, signed so that the official library believes it, and never lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.act.conftest import SCANNER, Receiver, click, kill_office
from tests.conftest import PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json


def test_the_official_library_believes_our_signature_and_no_other(acting: Server, receiver: Receiver) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/sig", "--type", "mail.clicked", "--data", acting.data)
    assert (hook["webhook"][:4], hook["secret"][:6], hook["types"]) == ("whk_", "whsec_", ["mail.clicked"])
    click(acting, "sig@example.com")
    (heard,) = eventually(lambda: receiver.at("/sig"))
    told = Webhook(hook["secret"]).verify(heard.body, heard.headers)
    assert told["type"] == "mail.clicked"
    data = told["data"]
    assert (data["person"], data["actor"], data["human"]) == ("sig@example.com", "human", "yes")
    assert data["evidence"][0]["rule"]
    assert data["url"] == "https://www.example.com/quote?a=1&copy=2&b=3"
    assert "raw" not in data
    try:
        Webhook(hook["secret"]).verify(heard.body + b" ", heard.headers)
    except WebhookVerificationError:
        pass
    else:
        raise AssertionError("a changed body was believed")
    fresh = inkdot_json("webhook", "rotate", hook["webhook"], "--data", acting.data)
    click(acting, "rotated@example.com")
    heard = eventually(lambda: receiver.at("/sig")[1:])[0]
    for secret in (hook["secret"], fresh["secret"]):
        assert Webhook(secret).verify(heard.body, heard.headers)
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_machines_and_repeats_are_told_only_to_who_asked_for_them(acting: Server, receiver: Receiver) -> None:
    people = inkdot_json("webhook", "add", receiver.url + "/people", "--data", acting.data)
    all_of_it = inkdot_json("webhook", "add", receiver.url + "/all", "--machines", "--data", acting.data)
    copy = acting.mark(QUOTE, "told@example.com")[0]
    acting.get(copy["dots"][0], User_Agent=SCANNER)
    acting.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    acting.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    eventually(lambda: len(receiver.at("/all")) == 3)
    assert {h.json["data"]["actor"] for h in receiver.at("/all")} >= {"human"}
    eventually(lambda: len(receiver.at("/people")) == 1)
    assert receiver.at("/people")[0].json["data"]["human"] == "yes"
    for hook in (people, all_of_it):
        inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def listed_rule(server: Server, name: str) -> dict[str, Any]:
    lines = inkdot("trigger", "list", "--json", "--data", server.data).stdout.splitlines()
    (found,) = [rule for rule in map(json.loads, lines) if rule["name"] == name]
    return dict(found)


def test_a_rule_fires_once_and_says_why(acting: Server, receiver: Receiver, tmp_path: Path) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text(
        f'name = "Twice"\n[when]\nkind = "click"\ncount = 2\nwithin = "1h"\nperson = "twice*@example.com"\n'
        f'[[actions]]\ndo = "webhook"\nurl = "{receiver.url}/twice"\n[[actions]]\ndo = "slack"\nurl = "{receiver.url}/chat"\n'
        '[[actions]]\ndo = "tag"\nadd = "hot"\n'
    )
    kept = inkdot_json("trigger", "add", rule, "--data", acting.data)
    secret = kept["rule"]["actions"][0]["secret"]
    copy = acting.mark(QUOTE, "twice@example.com")[0]
    acting.get(
        copy["links"][0]["url"], User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
    )
    acting.timeline("twice@example.com", at_least=2)
    assert not receiver.heard
    acting.get(
        copy["links"][1]["url"], User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
    )
    (heard,) = eventually(lambda: receiver.at("/twice"))
    told = Webhook(secret).verify(heard.body, heard.headers)
    assert (told["type"], told["data"]["name"], told["data"]["version"]) == ("trigger.fired", "Twice", 1)
    assert told["data"]["event"]["url"] == "https://www.example.com/photos"
    (chat,) = eventually(lambda: receiver.at("/chat"))
    assert chat.json == {
        "text": "twice\u200b@example.com clicked https:\u200b//www.example.com/photos.".replace("\u200b@", "@\u200b")
    }
    listed = listed_rule(acting, "Twice")
    assert listed["fired"] == 1
    tested = inkdot_json("trigger", "test", "Twice", "--data", acting.data)
    assert (tested["would_have_fired"], tested["on_machines"], tested["fires"]) == (1, 0, 1)
    inkdot("trigger", "rm", "Twice", "--data", acting.data)


def test_what_was_counted_and_how_often_was_fired_outlive_the_office(
    acting: Server, receiver: Receiver, tmp_path: Path
) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text(
        'name = "Second"\n[when]\nkind = "click"\ncount = 2\nwithin = "1h"\nperson = "again@example.com"\n'
        f'[limits]\nper_person = "1/24h"\n[[actions]]\ndo = "webhook"\nurl = "{receiver.url}/second"\n'
    )
    inkdot("trigger", "add", rule, "--data", acting.data)
    for number in range(1, 5):
        click(acting, "again@example.com")
        acting.timeline("again@example.com", at_least=2 * number)
        kill_office(acting)
    eventually(lambda: receiver.at("/second"))
    eventually(lambda: listed_rule(acting, "Second")["held_back_by_limits"] == 1)
    assert listed_rule(acting, "Second")["fired"] == 1
    inkdot("trigger", "rm", "Second", "--data", acting.data)


def test_a_rule_that_waits_for_a_warm_lead_fires_with_the_click_that_makes_it_warm(
    acting: Server, receiver: Receiver, tmp_path: Path
) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text(
        'name = "Warm"\n[when]\nkind = "click"\nscore = 30\nperson = "warm@example.com"\n'
        f'[[actions]]\ndo = "webhook"\nurl = "{receiver.url}/warm"\n'
    )
    inkdot("trigger", "add", rule, "--data", acting.data)
    for number in (1, 2):  # seen today: 20, a click: 8
        click(acting, "warm@example.com", link=number - 1)
        acting.timeline("warm@example.com", at_least=2 * number)
    (heard,) = eventually(lambda: receiver.at("/warm"))
    assert heard.json["data"]["event"]["url"] == "https://www.example.com/photos"
    tested = inkdot_json("trigger", "test", "Warm", "--data", acting.data)
    assert tested["fires"] == 2, "a rehearsal knows how warm people are today"
    inkdot("trigger", "rm", "Warm", "--data", acting.data)


def test_a_rule_keeps_its_versions_and_an_older_one_comes_back(acting: Server) -> None:
    first = {"name": "Kept", "when": {"kind": "click"}, "actions": [{"do": "tag", "add": "hot"}]}
    for rule in (first, first | {"when": {"kind": "open"}}):
        inkdot("trigger", "add", json.dumps(rule), "--data", acting.data)
    shown = inkdot("trigger", "show", "Kept", "--json", "--data", acting.data).stdout.splitlines()
    assert [(v["version"], v["in_use"], v["rule"]["when"]["kind"]) for v in map(json.loads, shown)] == [
        (1, False, "click"),
        (2, True, "open"),
    ]
    old = inkdot("trigger", "show", "Kept", "--version", "1", "--data", acting.data).stdout
    again = json.loads(inkdot("trigger", "add", "-", "--json", "--data", acting.data, stdin=old).stdout)
    assert (again["version"], again["rule"]["when"]) == (3, {"kind": "click"})
    wrong = inkdot("trigger", "show", "Kept", "--version", "9", "--data", acting.data, check=False)
    assert (wrong.returncode, "there are 1 to 3" in wrong.stderr) == (2, True)
    inkdot("trigger", "rm", "Kept", "--data", acting.data)


def test_a_rule_on_trial_counts_the_machines(acting: Server) -> None:
    copy = acting.mark(QUOTE, "trial@example.com")[0]
    acting.get(copy["links"][0]["url"], User_Agent=SCANNER)
    acting.get(
        copy["links"][1]["url"], User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
    )
    acting.timeline("trial@example.com", at_least=2)
    rule = '{"name":"Trial","when":{"kind":"click","person":"trial@example.com"},"actions":[{"do":"email"}]}'
    answer = inkdot_json("trigger", "test", rule, "--data", acting.data)
    assert (answer["would_have_fired"], answer["on_machines"], answer["fires"], answer["people"]) == (2, 1, 1, 1)
    assert "would have fired 2 times since" in inkdot("trigger", "test", rule, "--data", acting.data).stdout


def test_what_failed_is_tried_again_and_can_be_replayed_under_its_id(acting: Server, receiver: Receiver) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/flaky", "--type", "mail.replied", "--data", acting.data)
    receiver.status["/flaky"] = 500
    done = inkdot("webhook", "trigger", "mail.replied", "--json", "--data", acting.data, check=False)
    assert done.returncode == 1
    failed = json.loads(done.stdout)
    assert (failed["state"], failed["said"], failed["tries"]) == ("waiting", "HTTP 500.", 1)
    receiver.status["/flaky"] = 204
    again = inkdot_json("webhook", "replay", failed["delivery"], "--data", acting.data)
    assert again["state"] == "done"
    # A second and a third try come by themselves where this takes long.
    assert {h.headers["webhook-id"] for h in receiver.at("/flaky")} == {failed["delivery"]}
    logged = inkdot_json("webhook", "log", failed["delivery"], "--data", acting.data)
    tries = [a["done"] for a in logged["attempts"]]
    assert (tries[0], tries[-1], len(tries)) == (False, True, len(receiver.at("/flaky")))
    assert logged["body"]["type"] == "mail.replied"
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_a_place_that_wants_no_more_is_paused_and_reported_and_can_be_resumed(
    acting: Server, receiver: Receiver
) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/gone", "--type", "mail.bounced", "--data", acting.data)
    receiver.status["/gone"] = 410
    inkdot("webhook", "trigger", "mail.bounced", "--data", acting.data, check=False)
    listed = [
        json.loads(line) for line in inkdot("webhook", "list", "--json", "--data", acting.data).stdout.splitlines()
    ]
    (paused,) = [w for w in listed if w["webhook"] == hook["webhook"]]
    assert (paused["state"], "410" in paused["reason"]) == ("paused", True)
    assert f"{receiver.url}/gone is paused after" in inkdot("doctor", "--data", acting.data, check=False).stdout
    assert b"inkdot_outbox_paused 1" in acting.get(acting.office + "/metrics")[2]
    receiver.status["/gone"] = 204
    assert inkdot_json("webhook", "resume", hook["webhook"], "--data", acting.data)["state"] == "on"
    inkdot("webhook", "trigger", "mail.bounced", "--data", acting.data)
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_redirects_are_not_followed(acting: Server, receiver: Receiver) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/moved", "--type", "mail.bounced", "--data", acting.data)
    receiver.status["/moved"] = 302
    receiver.headers["Location"] = receiver.url + "/elsewhere"
    done = inkdot("webhook", "trigger", "mail.bounced", "--json", "--data", acting.data, check=False)
    assert "redirects are not followed" in json.loads(done.stdout)["said"]
    assert not receiver.at("/elsewhere")
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_killed_in_the_middle_of_delivering_nothing_is_lost_and_ids_stay(acting: Server, receiver: Receiver) -> None:
    people = [f"kill{n}@example.com" for n in range(12)]
    hook = inkdot_json("webhook", "add", receiver.url + "/kill", "--type", "mail.clicked", "--data", acting.data)
    receiver.hung.clear()
    for copy in acting.mark(QUOTE, *people):
        acting.get(
            copy["links"][0]["url"], User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
        )
    eventually(lambda: receiver.at("/kill"))
    kill_office(acting)
    receiver.hung.set()
    eventually(lambda: {h.json["data"]["person"] for h in receiver.at("/kill")} == set(people))
    ids: dict[str, set[str]] = {}
    for heard in receiver.at("/kill"):
        ids.setdefault(heard.json["data"]["id"], set()).add(heard.headers["webhook-id"])
    assert len(ids) == len(people)
    assert all(len(found) == 1 for found in ids.values())
    repeated = len(receiver.at("/kill")) - len(people)
    assert (
        1 <= repeated < len(people)
    )  # what was on its way when the process was killed, and what nobody answered in time
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_a_dead_receiver_holds_nobody_up(acting: Server, receiver: Receiver) -> None:
    slow = Receiver()
    slow.hung.clear()
    hooks = [
        inkdot_json("webhook", "add", url, "--type", "mail.clicked", "--data", acting.data)["webhook"]
        for url in (slow.url + "/slow", receiver.url + "/quick")
    ]
    for n in range(3):
        click(acting, f"quick{n}@example.com")
    eventually(lambda: len(receiver.at("/quick")) == 3)
    assert slow.heard
    for hook in hooks:
        inkdot("webhook", "rm", hook, "--data", acting.data)
    slow.close()


def test_listening_prints_genuine_messages_under_a_lasting_secret(acting: Server) -> None:
    secrets = set()
    for person in ("ear1@example.com", "ear2@example.com"):
        command = [
            sys.executable,
            "-m",
            "inkdot",
            "webhook",
            "listen",
            "--once",
            "1",
            "--json",
            "--data",
            str(acting.data),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listening:
            assert listening.stderr
            assert listening.stdout
            secrets.add(listening.stderr.readline().split("secret: ")[1])
            copy = acting.mark(QUOTE, person)[0]
            acting.get(copy["dots"][0], User_Agent=THUNDERBIRD)
            told = json.loads(listening.stdout.readline())
            assert (told["type"], told["data"]["person"]) == ("mail.opened", person)
            assert listening.wait(PATIENCE) == 0
    assert len(secrets) == 1


def test_replaying_and_rebuilding_fire_nothing_again(acting: Server, receiver: Receiver) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/again", "--type", "mail.clicked", "--data", acting.data)
    click(acting, "again@example.com")
    eventually(lambda: receiver.at("/again"))
    inkdot("rebuild", "--data", acting.data)
    click(acting, "later@example.com")
    eventually(lambda: len(receiver.at("/again")) == 2)
    assert [h.json["data"]["person"] for h in receiver.at("/again")] == ["again@example.com", "later@example.com"]
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_wrong_wishes_get_a_sentence(acting: Server) -> None:
    for words, says in [
        (("webhook", "add", "ftp://example.com"), "no web address"),
        (("webhook", "add", "https://example.com/", "--type", "mail.read"), "the types are"),
        (("webhook", "add", "https://example.com/", "--secret", "whsec_no"), "24 to 64 bytes"),
        (("webhook", "trigger", "page.viewed"), "No endpoint wants page.viewed"),
        (("webhook", "replay", "dlv_0000000000000"), "There is no delivery"),
        (("trigger", "rm", "nothing"), "There is no trigger"),
        (("trigger", "add", "missing.toml"), "cannot be read"),
    ]:
        done = inkdot(*words, "--data", acting.data, check=False)
        assert done.returncode == 2, done.stderr
        assert says in done.stderr
