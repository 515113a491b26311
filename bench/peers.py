"""The same load on peers that run on this machine: pytracking in Django with PostgreSQL, two workers on two shared cores.

Installs the peer into a folder of its own; needs PostgreSQL from Debian and, for its server, root or the user postgres.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.street import ROUNDS, free_port, load, median, script, streets
from inkdot.domain.token import Keyring

PACKAGES = ("django>=4,<6", "pytracking[django]==0.2.2", "gunicorn", "psycopg[binary]", "setuptools<81")


@contextmanager
def postgres(folder: Path) -> Iterator[int]:
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data, port = folder / "pg", free_port()
    shutil.chown(folder, "postgres")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*as_user, binaries / "initdb", "-A", "trust", "-D", data], check=True, capture_output=True)
    options = ["-p", str(port), "-k", str(folder), "-c", "shared_buffers=1GB", "-h", "127.0.0.1"]
    server = subprocess.Popen([*as_user, binaries / "postgres", "-D", data, *options], stderr=subprocess.DEVNULL)
    try:
        while subprocess.run(
            [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False
        ).returncode:
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def pytracking(folder: Path, database: int) -> Iterator[tuple[int, list[str]]]:
    uv = Path(__file__).parent.parent / ".tools" / "bin" / "uv"
    tool = str(uv) if uv.exists() else "uv"
    subprocess.run([tool, "venv", "-q", folder / "peer"], check=True)
    python = folder / "peer" / "bin" / "python"
    subprocess.run([tool, "pip", "install", "-q", "--python", python, *PACKAGES], check=True)
    here, port = Path(__file__).parent, free_port()
    env = os.environ | {"PEER_PORT": str(database), "PYTHONPATH": str(here)}
    subprocess.run([python, here / "peer_django.py", "tables"], check=True, env=env)
    tokens = subprocess.run(
        [python, here / "peer_django.py", "tokens"], check=True, env=env, capture_output=True, text=True
    ).stdout.split()
    command = [
        folder / "peer" / "bin" / "gunicorn",
        "peer_django:application",
        "-w",
        "2",
        "-b",
        f"127.0.0.1:{port}",
        "--log-level",
        "error",
    ]
    server = subprocess.Popen(command, env=env, cwd=here)
    time.sleep(3)
    try:
        yield port, tokens
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="inkdot-peers-"))
    root.chmod(0o755)
    try:
        keys = Keyring.fresh(os.urandom)
        data = root / "data"
        data.mkdir()
        (data / "keys.json").write_text(keys.to_json())
        ours_lua = script(root, keys, close=False)
        ours, theirs = [], []
        pg = root / "database"
        pg.mkdir()
        with postgres(pg) as database, pytracking(root, database) as (port, tokens), streets(data, 2, "0,1") as street:
            theirs_lua = root / "peer.lua"
            listed = ",".join(f'"{t}"' for t in tokens)
            start = ours_lua.read_text().index("local agents")
            theirs_lua.write_text(
                f"local tokens = {{ {listed} }}\n" + ours_lua.read_text()[start:].replace('.. ".gif"', "")
            )
            for _ in range(ROUNDS):
                theirs.append(load(port, [], theirs_lua, 64, "0,1", 2))
                ours.append(load(*street, ours_lua, 64, "0,1", 2))
        a, b = median(theirs), median(ours)
        print(
            f"pytracking+Django+PostgreSQL {a.per_second:,.0f}/s p50 {a.p50_ms:.1f} ms | inkdot {b.per_second:,.0f}/s p50 {b.p50_ms:.2f} ms | {b.per_second / a.per_second:.0f}x"
        )
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
