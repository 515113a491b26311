"""Nothing phones home: an hour in a network namespace whose only way out is a pipe that we hold. Packets that go out: none.

    python proofs/silence.py          a minute
    python proofs/silence.py --long   an hour

The whole house runs in it - street, office, reading room, mail door - and is used a little at first: a mail is marked and opened, a
document shared and read, then it is left alone. One packet that we send ourselves shows that the pipe would have caught it.
Needs root and /dev/net/tun.
"""

from __future__ import annotations

import ctypes
import fcntl
import io
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import BEN, THUNDERBIRD, Server, eventually, inkdot, inkdot_json

_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADS = 0x1001
_CLONE_NEWNET = 0x40000000
_IPV4 = 4
_KERNELS_OWN = (0, 58)
"""IPv6: hop-by-hop options and ICMPv6."""


class Pipe:
    """The only way out of a new network namespace, which this process is in from now on."""

    def __init__(self) -> None:
        _unshare()
        self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._fd, _TUNSETIFF, struct.pack("16sH22x", b"out0", _TUN_WITHOUT_HEADS))
        for command in (
            "link set lo up", "addr add 198.51.100.1/24 dev out0", "link set out0 up", "route add default via 198.51.100.2",
        ):  # fmt: skip
            subprocess.run(["ip", *command.split()], check=True)

    def packets(self) -> list[bytes]:
        """What went out since the last look, but for the kernel's own talk about IPv6 neighbours."""
        found = []
        while select.select([self._fd], [], [], 0)[0]:
            packet = os.read(self._fd, 65_536)
            if packet[0] >> 4 == _IPV4 or packet[6] not in _KERNELS_OWN:
                found.append(packet)
        return found


def _unshare() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "This proof needs root.")


def used_a_little(server: Server, folder: Path) -> None:
    """The server does once what it is there for."""
    (copy,) = server.mark()
    server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    server.get(copy["links"][0]["url"], User_Agent=THUNDERBIRD)
    assert server.timeline(BEN, at_least=2)
    (folder / "offer.png").write_bytes(_picture())
    shared = inkdot_json(
        "doc", "share", folder / "offer.png", "--to", BEN, "--data", server.data, "--public-url", server.public
    )
    assert eventually(lambda: server.get(shared["url"])[0] == 200)
    site = inkdot_json("site", "add", "www.example.com", "--data", server.data, "--public-url", server.public)
    assert site["site"]
    inkdot("verify", "--data", server.data)


def _picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (600, 800), "white").save(content, "PNG")
    return content.getvalue()


def main(seconds: float) -> None:
    pipe = Pipe()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"x", ("192.0.2.1", 9))
    assert eventually(pipe.packets), "the pipe does not see what goes out"
    with tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "data" / "inkdot.toml").write_text('upstream = "smtp://127.0.0.1:1"\n')
        server = Server(folder / "data")
        begun = time.monotonic()
        used_a_little(server, folder)
        out: list[bytes] = []
        while (gone := time.monotonic() - begun) < seconds and not out:
            time.sleep(min(5, seconds - gone))
            out += pipe.packets()
        assert server.process.poll() is None
        processes = sorted(server.children())
        server.stop()
    for packet in out:
        print(f"WENT OUT: to {'.'.join(map(str, packet[16:20]))}, protocol {packet[9]}: {packet[:60].hex()}")
    if out:
        sys.exit(1)
    print(f"SILENCE OK: {len(processes)} processes ({', '.join(processes)}), {gone / 60:.0f} minutes, 0 packets out")


if __name__ == "__main__":
    main(3_600 if "--long" in sys.argv else 60)
