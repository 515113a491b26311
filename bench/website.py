"""Durably acknowledged events of `POST /e` against dots, in one run, alternated, on the same street.

Each request is what the tag sends: its own page view, one of many clients and pages. What wrk counted as accepted is compared
with what is found in the journal afterwards.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from bench.street import ROUNDS, load, median, on_disk, script, streets
from inkdot.domain.consent import Mode
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.domain.token import Keyring, Token, TokenKind

LUA = """
local i = 0
local agents = {{ "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1" }}
math.randomseed(os.time())
local base = math.random()
request = function()
  i = i + 1
  local body = '["{key}","",{{"k":"view","p":' .. string.format("%.15f", base + i / 1e9) .. ',"q":0,"u":"https://www.example.com/page/' .. i % 500 ..
    '","r":"https://www.google.com/"}}]'
  return wrk.format("POST", "/e", {{ ["User-Agent"] = agents[i % 2 + 1], ["Accept"] = "*/*", ["Accept-Language"] = "en-GB,en;q=0.9",
    ["Accept-Encoding"] = "gzip, deflate, br", ["Content-Type"] = "text/plain;charset=UTF-8", ["Origin"] = "https://www.example.com",
    ["Referer"] = "https://www.example.com/", ["Host"] = "t.example.com" }}, body)
end
response = function(status, headers, body) if not body:find('"accepted":1') then print("refused", body) end end
"""


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="inkdot-bench-"))
    try:
        keys = Keyring.fresh(os.urandom)
        data = root / "data"
        data.mkdir()
        (data / "keys.json").write_text(keys.to_json())
        key = keys.sign(
            Token(TokenKind.SITE, Mode.INDIVIDUAL, WorkspaceId(1), 0, 1, 9, ContactId(0), None, b"example.com")
        )
        posts = root / "posts.lua"
        posts.write_text(LUA.format(key=key))
        dots = script(root, keys, close=False)
        dotted, posted = [], []
        with streets(data, 1, "0") as street:
            for _ in range(ROUNDS):
                dotted.append(load(*street, dots, 256, "1", 1))
                posted.append(load(*street, posts, 256, "1", 1))
        kept = on_disk(data)
        assert kept >= sum(r.answered for r in (*dotted, *posted)), "answered but not on disk"
        a, b = median(dotted), median(posted)
        print(
            f"POST /e {b.per_second:,.0f}/s {b.cpu_us:.1f} us p99 {b.p99_ms:.2f} ms | dots {a.per_second:,.0f}/s {a.cpu_us:.1f} us"
            f" p99 {a.p99_ms:.2f} ms | ratio {b.per_second / a.per_second:.2f} | cpu x{b.cpu_us / a.cpu_us:.2f}"
        )
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
