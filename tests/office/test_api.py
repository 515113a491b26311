"""The API as programs meet it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from PIL import Image

from tests.conftest import BEN, EVE, QUOTE, THUNDERBIRD, Server, eventually
from tests.office.asking import Program, Said, key_for
from tests.office.conftest import Firms

RULE = 'name = "hot"\n[when]\nkind = "click"\n[[actions]]\ndo = "tag"\nadd = "warm"\n'


def mark(program: Program, *to: str) -> dict[str, object]:
    said = program.post("/messages", {"mail": base64.b64encode(QUOTE).decode(), "to": list(to or (BEN,))})
    assert said.status == 201, said.body
    return dict(said.json)


def open_mail(server: Server, marked: dict[str, object], times: int = 1) -> None:
    copies = marked["copies"]
    assert isinstance(copies, list)
    for n in range(times):
        dot = urlsplit(copies[0]["dots"][0]).path
        server.get(dot, User_Agent=THUNDERBIRD, X_Forwarded_For=f"198.51.100.{n + 1}")


def events_of(program: Program, person: str) -> list[dict[str, object]]:
    return list(program.get(f"/events?person={quote(person)}").json["data"])


def test_a_mail_is_marked_opened_and_found_again_everywhere(firms: Firms) -> None:
    person = "reader@example.com"
    marked = mark(firms.ours, person)
    copy = base64.b64decode(marked["copies"][0]["mail"])  # type: ignore[index]
    assert b"The quote" in copy
    assert marked["copies"][0]["dots"][0].encode() in copy  # type: ignore[index]
    open_mail(firms.server, marked)
    (event,) = eventually(lambda: events_of(firms.ours, person))
    assert (event["message"], event["human"], event["kind"]) == (marked["message"], "yes", "open")
    explained = firms.ours.get(f"/events/{event['id']}").json
    assert explained["evidence"]
    assert explained["explained"].keys() == {"time", "location", "os", "os_version", "device", "client"}
    assert firms.ours.get(f"/people/{quote(person)}/timeline").json["events"][0]["subject"] == "The quote"
    report = firms.ours.get(f"/messages/{marked['message']}").json
    assert report["recipients"] == [person]
    assert report["report"]["opened_between"] == [1, 1]


def test_events_come_page_by_page_and_never_twice(firms: Firms) -> None:
    person = "pages@example.com"
    open_mail(firms.server, mark(firms.ours, person), 5)
    eventually(lambda: len(events_of(firms.ours, person)) == 5)
    seen, cursor = [], ""
    for _ in range(3):
        page = firms.ours.get(f"/events?person={quote(person)}&limit=2{cursor}").json
        seen += [event["id"] for event in page["data"]]
        assert page["has_more"] == (page["next_cursor"] is not None)
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(seen)) == len(seen) == 5
    assert not page["has_more"]
    link = firms.ours.get(f"/events?person={quote(person)}&limit=2").headers["link"]
    assert link.endswith('>; rel="next"')


def whole(program: Program, path: str, limit: int) -> list[dict[str, object]]:
    """A list by the header that leads from page to page, and never more of it than was asked for."""
    found: list[dict[str, object]] = []
    target = f"{path}{'&' if '?' in path else '?'}limit={limit}"
    while target:
        said = program.get(target)
        assert said.status == 200, said.body
        assert len(said.json["data"]) <= limit
        assert said.json["has_more"] == (said.json["next_cursor"] is not None) == ("link" in said.headers)
        found += said.json["data"]
        target = said.headers["link"].removeprefix("<").partition(">")[0] if said.json["has_more"] else ""
    return found


def test_every_list_leads_from_page_to_page(firms: Firms) -> None:
    """Nothing twice, nothing left out, in the order of the whole."""
    for n in range(3):
        open_mail(firms.server, mark(firms.ours, f"list{n}@example.com"))
        firms.ours.post("/audiences", {"name": f"list {n}"})
    eventually(lambda: all(events_of(firms.ours, f"list{n}@example.com") for n in range(3)))
    operations = firms.ours.get("/api/openapi.json").json["paths"].items()
    lists = [
        path.removeprefix("/api/v1")
        for path, methods in operations
        if "{" not in path
        and "get" in methods
        and any(p["name"] == "cursor" for p in methods["get"].get("parameters", ()))
    ]
    assert {"/events", "/messages", "/leads", "/people", "/audiences", "/deliveries"} <= set(lists)
    for path in lists:

        def same(path: str = path) -> bool:
            """What goes on meanwhile, as a delivery that fails once more, may come in between."""
            every = firms.ours.get(f"{path}?limit=1000").json["data"]
            return bool(whole(firms.ours, path, 2 if len(every) < 60 else 25) == every)

        assert eventually(same), path
    said = firms.ours.get("/messages?cursor=msg_0000000000001").json
    assert (said["data"], said["has_more"]) == ([], False)


def test_a_mail_that_is_opened_while_pages_are_turned_is_left_out_by_none(firms: Firms) -> None:
    people = [f"turned{n}@example.com" for n in range(3)]
    marked = [mark(firms.ours, person) for person in people]
    for person, mail in zip(people, marked, strict=True):
        open_mail(firms.server, mail)
        eventually(lambda person=person: events_of(firms.ours, person))  # type: ignore[misc]
    ours, found = [mail["message"] for mail in marked], list[object]()
    path: str | None = "/messages?limit=1"
    while path and len(found) < len(ours):
        page = firms.ours.get(path).json
        found += [mail["message"] for mail in page["data"] if mail["message"] in ours]
        path = f"/messages?limit=1&cursor={quote(page['next_cursor'])}" if page["has_more"] else None
        if page["data"][0]["message"] == ours[-1]:
            before = len(events_of(firms.ours, people[0]))
            open_mail(firms.server, marked[0])
            eventually(lambda before=before: len(events_of(firms.ours, people[0])) > before)  # type: ignore[misc]
    assert found == ours[::-1]


def test_an_address_with_the_end_of_a_line_in_it_gets_a_problem_too(firms: Firms) -> None:
    for method, path in (
        ("DELETE", "/sites/none/goals/a%0Ab"),
        ("GET", "/people/a%0Ab"),
        ("GET", "/no%0Awhere"),
        ("GET", "/api/"),
    ):
        said = firms.ours.ask(method, path)
        assert said.headers["content-type"] == "application/problem+json", path
        assert said.status in (404, 422), path


def test_leads_are_listed_by_their_grade(firms: Firms) -> None:
    for grade in ("hot", "warm", "cold"):
        said = firms.ours.get(f"/leads?grade={grade}")
        assert said.status == 200, said.body
        assert {lead["grade"] for lead in said.json["data"]} <= {grade}
    assert firms.ours.get("/leads?grade=tepid").status == 422
    assert len(firms.ours.get("/leads").json["data"]) == sum(
        len(firms.ours.get(f"/leads?grade={grade}").json["data"]) for grade in ("hot", "warm", "cold")
    )


def test_the_type_of_a_problem_is_an_address_where_it_is_explained(firms: Firms) -> None:
    for path, status in (("/events?limit=0", 422), ("/nowhere", 404), ("/events/evt_0000000000000", 404)):
        said = firms.ours.get(path)
        kind = said.json["type"]
        assert said.status == status
        assert kind.startswith(f"{firms.server.office}/api/docs#problem-")
        page = firms.server.get(kind.partition("#")[0])
        assert (page[0], f'id="{urlsplit(kind).fragment}"' in page[2].decode()) == (200, True)
    elsewhere = firms.ours.get("/nowhere", host="evil.example").json["type"]
    assert elsewhere == "/api/docs#problem-not-found", "what only the asker says is no address of ours"


def test_asking_twice_under_one_key_does_once(firms: Firms) -> None:
    person = "twice@example.com"
    body = {"mail": base64.b64encode(QUOTE).decode(), "to": [person]}
    first = firms.ours.post("/messages", body, idempotency_key="send quote 7")
    again = firms.ours.post("/messages", body, idempotency_key="send quote 7")
    assert (first.status, first.body) == (again.status, again.body)
    assert again.headers["idempotent-replayed"] == "true"
    other = firms.ours.post("/messages", body | {"to": [EVE]}, idempotency_key="send quote 7")
    assert other.status == 422
    theirs = firms.theirs.post("/messages", body, idempotency_key="send quote 7")
    assert theirs.json["message"] != first.json["message"]
    failed = firms.ours.post("/links", {"url": "http://", "to": person}, idempotency_key="link")
    mended = firms.ours.post("/links", {"url": "https://example.com/", "to": person}, idempotency_key="link")
    assert (failed.status, mended.status) == (422, 201)


def test_what_did_not_change_is_not_sent_again(firms: Firms) -> None:
    said = firms.ours.get("/triggers")
    same = firms.ours.get("/triggers", if_none_match=said.headers["etag"])
    assert (same.status, same.body) == (304, b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/events?kind=opened", None, 422),
        ("GET", "/events?since=yesterday", None, 422),
        ("GET", "/events?limit=0", None, 422),
        ("GET", "/events?limit=1&limit=2", None, 422),
        ("GET", "/events?colour=red", None, 422),
        ("GET", "/events?cursor=evt_1", None, 422),
        ("GET", "/events/evt_0000000000000", None, 404),
        ("GET", "/events/nonsense", None, 422),
        ("GET", "/people/nobody%40example.com/timeline", None, 404),
        ("GET", "/nowhere", None, 404),
        ("PUT", "/events", None, 405),
        ("POST", "/links", {"url": "javascript:alert(1)", "to": BEN}, 422),
        ("POST", "/links", {"url": "https://example.com"}, 422),
        ("POST", "/links", {"url": "http://[", "to": BEN}, 422),
        ("POST", "/webhooks", {"url": "http://[::1"}, 422),
        ("GET", "/messages/msg_fzzzzzzzzzzzz", None, 422),
        ("GET", "/documents/doc_fzzzzzzzzzzzz", None, 422),
        ("POST", "/links", {"url": "https://example.com", "to": BEN, "colour": "red"}, 422),
        ("POST", "/triggers", {"rule": "this is no rule"}, 422),
        ("POST", "/messages", {"mail": "not base64!", "to": [BEN]}, 422),
        ("DELETE", "/webhooks/whk_0000000000000", None, 404),
        ("POST", "/documents?name=offer.pdf", None, 422),
    ],
)
def test_what_cannot_be_meant_is_told_as_a_problem(
    firms: Firms, method: str, path: str, body: object, status: int
) -> None:
    said = firms.ours.ask(method, path, body)
    assert said.status == status, said.body
    assert said.headers["content-type"] == "application/problem+json"
    assert said.json["status"] == status
    assert said.json["request_id"] == said.headers["x-request-id"]
    assert "Traceback" not in said.body.decode()


def test_bodies_that_are_no_json_are_told_apart(firms: Firms) -> None:
    assert firms.ours.ask("POST", "/links", raw=b"{").status == 400
    assert firms.ours.ask("POST", "/links", raw=b"\xff\xfe").status == 400
    assert firms.ours.ask("POST", "/links", raw=b"[" * 100_000).status in (400, 422)
    assert firms.ours.ask("POST", "/links", raw=b"{}", content_type="text/plain").status == 415
    assert firms.ours.ask("POST", "/links", raw=b'{"to":"' + b"a" * 1_100_000 + b'"}').status == 413


def test_a_request_id_of_the_asker_is_given_back(firms: Firms) -> None:
    assert firms.ours.get("/me", x_request_id="mine-7").headers["x-request-id"] == "mine-7"
    assert firms.ours.get("/me", x_request_id="<b>").headers["x-request-id"].startswith("req_")


def test_a_key_does_what_its_scopes_say_and_no_more(firms: Firms) -> None:
    reader = key_for(firms.server, "read")
    assert reader.get("/events").status == 200
    for method, path, body in (
        ("POST", "/links", {"url": "https://example.com", "to": BEN}),
        ("POST", "/triggers", {"rule": RULE}),
        ("DELETE", f"/people/{quote(BEN)}", None),
        ("GET", f"/people/{quote(BEN)}/export", None),
    ):
        assert reader.ask(method, path, body).status == 403
    assert key_for(firms.server, "send").get("/events").status == 403


def test_headers_tell_how_much_is_left(firms: Firms) -> None:
    said = key_for(firms.server).get("/me")
    assert said.headers["ratelimit-policy"] == '"default";q=6000;w=60'
    assert said.headers["ratelimit"].startswith('"default";r=5999;t=')


def test_nothing_of_the_api_answers_without_a_key(firms: Firms) -> None:
    document = firms.ours.get("/api/openapi.json").json
    stranger = Program(firms.server)
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            if said.get("security") == []:
                continue
            found = stranger.ask(method.upper(), path.replace("{", "").replace("}", ""), {})
            assert found.status == 401, (method, path, found.body)
            assert found.headers["content-type"] == "application/problem+json"


def test_the_reference_needs_nothing_from_elsewhere(firms: Firms) -> None:
    page = Program(firms.server).get("/api/docs")
    text = page.body.decode()
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in text
    assert "//" not in text.replace("http://127.0.0.1:8000", "").replace("^https?://", "")
    assert 'href="/api/docs.css"' in text
    document = Program(firms.server).get("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for methods in document["paths"].values():
        for said in methods.values():
            assert f'id="{said["operationId"]}"' in text


def things_of(firms: Firms, tmp_path: Path, who: str = "walls") -> dict[str, str]:
    """One of everything in our workspace, all of it about one person."""
    person = f"{who}@example.com"
    marked = mark(firms.ours, person)
    open_mail(firms.server, marked)
    (event,) = eventually(lambda: events_of(firms.ours, person))
    picture = tmp_path / "p.png"
    Image.new("RGB", (40, 40), "white").save(picture)
    taken = firms.ours.ask("POST", "/documents?name=p.png", raw=picture.read_bytes(), content_type="image/png")
    assert taken.status == 201, taken.body
    document = taken.json
    share = firms.ours.post(f"/documents/{document['document']}/shares", {"to": person}).json
    site = firms.ours.post("/sites", {"domain": f"{who}.example"}).json
    firms.ours.post(f"/sites/{site['site']}/goals", {"name": "paid", "page": "/paid"})
    hook = firms.ours.post("/webhooks", {"url": f"https://hooks.example/{who}"}).json
    trigger = firms.ours.post("/triggers", {"rule": RULE})
    assert trigger.status == 201, trigger.body
    audience = firms.ours.post("/audiences", {"name": who}).json
    firms.ours.post(f"/audiences/{audience['audience']}/members", {"person": person})
    tried = firms.ours.post(f"/webhooks/{hook['webhook']}/test", {"type": "mail.opened"}).json["data"]
    return {
        "event": str(event["id"]), "message": str(marked["message"]), "person": quote(person),
        "document": document["document"], "share": share["link"], "site": site["site"], "goal": "paid",
        "trigger": trigger.json["trigger"], "audience": audience["audience"], "webhook": hook["webhook"],
        "delivery": tried[0]["delivery"],
    }  # fmt: skip


BODIES: dict[str, object] = {
    "correct_event": {"says": "me", "because": "I did"}, "merge_person": {"other": "second@example.com"},
    "unmerge_person": {"other": "second@example.com"}, "share_document": {"to": BEN}, "set_goal": {"name": "g", "page": "/"},
    "switch_trigger": {"active": False}, "test_trigger": {}, "join_audience": {"person": BEN},
    "export_audience": {"target": "csv"}, "switch_webhook": {"active": False}, "test_webhook": {"type": "mail.opened"},
    "replay_webhook": {}, "name_message": {"internet_id": "<theirs@example.com>"}, "server_key": {},
    "set_details": {"country": "DE"},
}  # fmt: skip
OWN_BOOKS = {"set_consent", "withdraw_consent", "list_choices", "mute_person", "unmute_person"}
"""Each workspace keeps its own book about a person, whoever else knows the person; keys have no notices to mute."""


BY_ITSELF = {"failures", "reason", "due", "tries", "said", "attempts"}
"""How an endpoint that nobody answers for fares, whoever asks meanwhile."""


def fingerprint(firms: Firms, things: dict[str, str]) -> list[object]:
    """All that may not change when somebody else calls."""
    paths = [
        f"/events/{things['event']}", f"/messages/{things['message']}", f"/people/{things['person']}",
        f"/documents/{things['document']}", f"/sites/{things['site']}", f"/triggers/{things['trigger']}",
        f"/audiences/{things['audience']}", f"/audiences/{things['audience']}/members", f"/webhooks/{things['webhook']}",
        f"/deliveries/{things['delivery']}", f"/people/{things['person']}/identities",
    ]  # fmt: skip
    said = [firms.ours.get(path) for path in paths]
    assert [s.status for s in said] == [200] * len(paths)
    return [{k: v for k, v in s.json.items() if k not in BY_ITSELF} for s in said]


def test_no_object_of_one_workspace_is_reachable_from_another_by_any_route(firms: Firms, tmp_path: Path) -> None:
    things = things_of(firms, tmp_path)
    before = fingerprint(firms, things)
    document = firms.theirs.get("/api/openapi.json").json
    tried = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            if "{" not in path or name in OWN_BOOKS:
                continue
            address = path.format(**things)
            if name in ("add_document", "replace_document"):
                said: Said = firms.theirs.ask(method.upper(), f"{address}?name=x.png", raw=b"no picture")
            else:
                said = firms.theirs.ask(method.upper(), address, BODIES.get(name))
            assert said.status == 404, (method, path, said.status, said.body)
            unknown = path.format(**{k: _unknown(v) for k, v in things.items()})
            other = firms.theirs.ask(method.upper(), unknown, BODIES.get(name), raw=None)
            if other.status == 404:
                assert other.json["title"] == said.json["title"]
            tried += 1
    assert tried >= 30
    assert fingerprint(firms, things) == before
    for path in ("/events", "/people", "/documents", "/sites", "/triggers", "/audiences", "/webhooks", "/deliveries",
                 "/messages", "/corrections", "/leads"):  # fmt: skip
        text = json.dumps(firms.theirs.get(path).json)
        for word in (*things.values(), "walls"):
            assert len(word) < 5 or word not in text, (path, word)


def _unknown(word: str) -> str:
    head, _, tail = word.partition("_")
    return f"{head}_{tail[:-1]}{'0' if tail[-1] != '0' else '1'}" if tail else "x" + word
