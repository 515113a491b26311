"""From ping to visible event: what `events --follow` shows, at 1,000 pings a second."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import QUOTE, Server

from bench.street import load, script
from inkdot.domain.token import Keyring

SECONDS = 10


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-") as name:
        server = Server(Path(name) / "data")
        copy = server.mark(QUOTE, "visible@example.com")[0]
        keys = Keyring.from_json((server.data / "keys.json").read_text())
        lua = script(Path(name), keys, close=False, delay_ms=32)
        command = [
            sys.executable,
            "-m",
            "inkdot",
            "events",
            "--follow",
            "--json",
            "--data",
            str(server.data),
            "--since",
            "1m",
        ]
        seen: dict[str, float] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
            threading.Thread(target=watch, args=(following, seen), daemon=True).start()
            threading.Thread(
                target=lambda: [load(int(server.public.rsplit(":", 1)[1]), [], lua, 32, "0,1", 1) for _ in range(4)]
            ).start()
            sent: dict[str, float] = {}
            begun = time.monotonic()
            while time.monotonic() - begun < SECONDS:
                agent = f"Mozilla/5.0 (visible {len(sent)})"
                sent[agent] = time.monotonic()
                server.get(copy["dots"][0], User_Agent=agent)
                time.sleep(0.05)
            time.sleep(3)
            following.terminate()
        server.stop()
    delays = sorted(seen[agent] - at for agent, at in sent.items() if agent in seen)
    assert len(delays) == len(sent), f"{len(sent) - len(delays)} never became visible"
    print(
        f"ping to visible at about 1,000/s: p50 {delays[len(delays) // 2]:.2f} s, p95 {delays[int(len(delays) * 0.95)]:.2f} s, of {len(delays)}; {len(seen)} agents seen"
    )


def watch(following: subprocess.Popen[str], seen: dict[str, float]) -> None:
    assert following.stdout
    for line in following.stdout:
        agent = json.loads(line)["raw"]["agent"] or ""
        seen.setdefault(agent, time.monotonic())


if __name__ == "__main__":
    main()
