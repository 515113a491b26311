"""Who withdrew: the street learns it from a file, answers as ever, and keeps nothing."""

from __future__ import annotations

from tests.conftest import BEN, THUNDERBIRD, Server, eventually, inkdot, inkdot_json


def counted(server: Server, name: str) -> int:
    text = server.get("/metrics")[2].decode()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"inkdot_street_{name}_total ")))


def link_for(server: Server, person: str) -> str:
    return str(
        inkdot_json("link", "https://example.com/quote", "--to", person, "--data", server.data,
                    "--public-url", server.public)["url"]
    )  # fmt: skip


def test_a_denied_persons_links_lead_on_and_leave_no_trace(own_server: Server) -> None:
    ben, cleo = link_for(own_server, BEN), link_for(own_server, "cleo@example.com")
    inkdot("consent", "withdraw", BEN, "--data", own_server.data)

    def denied() -> int:
        assert own_server.get(ben)[1]["location"] == "https://example.com/quote"
        return counted(own_server, "denied")

    eventually(denied)
    eventually(lambda: counted(own_server, "clicks") == counted(own_server, "denied") + counted(own_server, "records"))
    kept = counted(own_server, "records")
    status, headers, _ = own_server.get(ben, User_Agent=THUNDERBIRD)
    assert (status, headers["location"]) == (302, "https://example.com/quote")
    own_server.get(cleo)
    assert eventually(lambda: counted(own_server, "records") == kept + 1)
    inkdot("consent", "set", BEN, "--mode", "individual", "--data", own_server.data)

    def heard() -> bool:
        own_server.get(ben)
        return counted(own_server, "records") > kept + 1

    assert eventually(heard)


def test_a_body_is_refused_where_none_belongs(server: Server) -> None:
    status, _, body = server.get("/o/x.gif", "POST", Content_Length="5")
    assert (status, body) == (413, b"This address takes no request bodies.\n")
