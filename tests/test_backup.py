"""A backup holds what cannot be made anew; whatever else lies in a data folder is named with its reason."""

from __future__ import annotations

import fnmatch
import http.client
import json
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from inkdot.app.care import NOT_KEPT
from tests.conftest import BEN, PATIENCE, Server, eventually, inkdot, inkdot_json

SHOW = '{"name":"Hello","when":{"kind":"view"},"actions":[{"do":"show","style":"corner","text":"Ask ben@example.com"}]}'


def shown_on(server: Server, key: str) -> list[str]:
    """What a page may show."""
    parts = urlsplit(server.public)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    event = {"k": "view", "u": "https://www.example.com/", "p": 0.5, "q": 0}
    connection.request("POST", "/e", json.dumps([key, "", event]), {"Content-Type": "text/plain"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return [show["text"] for action in answer.get("actions") or () for show in action["show"]]


def test_everything_in_a_folder_is_in_the_backup_or_is_made_anew(own_server: Server, tmp_path: Path) -> None:
    data, backup = own_server.data, tmp_path / "all.tar"
    (data / "regions.toml").write_text((Path("src/inkdot/app/law/regions.toml")).read_text())
    (tmp_path / "rule.json").write_text(SHOW)
    key = inkdot_json("site", "add", "example.com", "--data", data)["key"]
    inkdot("trigger", "add", tmp_path / "rule.json", "--data", data)
    url = inkdot_json("push", "link", "--data", data)["url"]
    page = own_server.get(url)[2]
    own_server.mark()
    assert own_server.get("/healthz")[0] == 200
    assert "none was made yet" in inkdot("doctor", "--data", data, check=False).stdout
    inkdot("backup", backup, "--data", data)
    assert f"the last was made 0.0 days ago, to {backup}" in inkdot("doctor", "--data", data, check=False).stdout
    with tarfile.open(backup) as tar:
        held = {name.partition("/")[0] for name in tar.getnames()}
    there = {path.name for path in data.iterdir() if not path.name.startswith(".")}
    lost = {name for name in there - held if not any(fnmatch.fnmatch(name, pattern) for pattern in NOT_KEPT)}
    assert not lost
    assert {"vapid.json", "regions.toml", "keys.json"} <= held
    inkdot("restore", backup, "--data", tmp_path / "again")
    again = Server(tmp_path / "again")
    try:
        # The browsers that were allowed know the same key, links work, and pages show what they showed.
        assert again.get(urlsplit(url).path)[2] == page
        eventually(lambda: shown_on(again, key) == ["Ask ben@example.com"])  # the office tells the street
        inkdot("person", "erase", BEN, "--yes", "--data", again.data)
        assert BEN not in (again.data / "shown.json").read_text()
    finally:
        again.stop()
