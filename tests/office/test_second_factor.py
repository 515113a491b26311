"""The second factor as its page shows it: what a camera reads there is what is written there."""

from __future__ import annotations

import re
import time
from html import unescape

from inkdot.show.passwords import totp_code
from tests.conftest import Server, inkdot
from tests.office.asking import PASSWORD, Reader

_WORDS = (
    (19, 7, 1),
    (34, 10, 1),
    (55, 15, 1),
    (80, 20, 1),
    (108, 26, 1),
    (136, 18, 2),
    (156, 20, 2),
    (194, 24, 2),
    (232, 30, 2),
)
"""By version: words of data, of correction in each block, blocks (ISO/IEC 18004, table 9, level L)."""
_ALIGNED = ((), (6, 18), (6, 22), (6, 26), (6, 30), (6, 34), (6, 22, 38), (6, 24, 42), (6, 26, 46))


def drawn(page: str) -> set[tuple[int, int]]:
    """The dark modules of the one code of a page."""
    (path,) = re.findall(r'<svg class="qr".*?<path d="(.*?)"', page)
    return {(int(x) - 4, int(y) - 4) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path)}


def read(dark: set[tuple[int, int]]) -> str:
    """What a code of bytes under mask 0 says; fails where a block does not agree with its correction."""
    size = 1 + max(max(place) for place in dark)
    version = (size - 17) // 4
    ours = {(x, y) for x in range(size) for y in range(size) if not is_fixed(x, y, size)}
    bits = [((x, y) in dark) != ((x + y) % 2 == 0) for x, y in way(size) if (x, y) in ours]
    words = [int("".join(map(str, map(int, bits[n : n + 8]))), 2) for n in range(0, len(bits) - 7, 8)]
    data, check, blocks = _WORDS[version - 1]
    parts = [words[n:data:blocks] + words[data + n : data + check * blocks : blocks] for n in range(blocks)]
    assert all(syndrome(part, power) == 0 for part in parts for power in range(check))
    said = b"".join(bytes(part[: data // blocks]) for part in parts)
    number = int.from_bytes(said)
    assert number >> 8 * len(said) - 4 == 0b0100
    length = number >> 8 * len(said) - 12 & 0xFF
    return (number >> 8 * len(said) - 12 - 8 * length & (1 << 8 * length) - 1).to_bytes(length).decode()


def is_fixed(x: int, y: int, size: int) -> bool:
    version = (size - 17) // 4
    told = version >= 7 and ((x < 6 and y >= size - 11) or (y < 6 and x >= size - 11))
    corner = (x < 9 and y < 9) or (x >= size - 8 and y < 9) or (x < 9 and y >= size - 8)
    places = _ALIGNED[version - 1]
    near = any(
        abs(x - cx) < 3 and abs(y - cy) < 3
        for cx in places
        for cy in places
        if (cx, cy) not in ((6, 6), (6, size - 7), (size - 7, 6))
    )
    return told or corner or near or 6 in (x, y)


def way(size: int) -> list[tuple[int, int]]:
    columns = [c for c in range(size - 1, -1, -1) if c != 6]
    found = []
    for n in range(0, len(columns), 2):
        rows = range(size) if n % 4 else range(size - 1, -1, -1)
        found += [(column, y) for y in rows for column in columns[n : n + 2]]
    return found


def syndrome(words: list[int], power: int) -> int:
    value = 0
    for word in words:
        for _ in range(power):
            value = (value << 1) ^ (0x11D if value & 0x80 else 0)
        value ^= word
    return value


def test_the_code_on_the_screen_says_to_a_camera_what_is_written_beside_it_for_addresses_of_any_length(
    server: Server,
) -> None:
    for who in ("q@example.com", f"{'long' * 12}@example.com", f"{'longer' * 10}@{'name.' * 8}example.com"):
        inkdot("account", "add", who, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
        reader = Reader(server, who)
        page = reader.ask("POST", "/me", {"do": "offer"})[2]
        secret, address = re.findall(r"<code>(\w{32})</code>.*?href=\"(otpauth:.*?)\"", page)[0]
        assert read(drawn(page)) == unescape(address)
        assert f"secret={secret}" in address
        assert totp_code(secret, 1).isdecimal()


def test_an_address_that_no_code_holds_leaves_the_secret_to_be_typed(server: Server) -> None:
    who = f"{'long' * 15}@{'name.' * 36}example.com"
    inkdot("account", "add", who, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    page = Reader(server, who).ask("POST", "/me", {"do": "offer"})[2]
    assert 'class="qr"' not in page
    assert re.search(r"<code>\w{32}</code>", page)


def test_whoever_finds_an_open_page_puts_no_factor_of_his_own_in_the_place_of_another(server: Server) -> None:
    who = "open-page@example.com"
    inkdot("account", "add", who, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    reader, thief = Reader(server, who), Reader(server, who)
    offers = [secret_of(browser.ask("POST", "/me", {"do": "offer"})[2]) for browser in (thief, reader)]
    code = totp_code(offers[1], int(time.time()) // 30)
    status, headers, _ = reader.ask("POST", "/me", {"do": "prove", "code": code})
    assert status == 200
    reader.cookie = headers["set-cookie"].partition(";")[0]
    reader.read_token()
    status, _, page = reader.ask("POST", "/me", {"do": "offer"})
    assert (status, "end that first, with your password" in page) == (422, True)
    later = totp_code(offers[1], int(time.time()) // 30 + 1)
    assert reader.ask("POST", "/me", {"do": "prove", "code": later})[0] == 422
    assert thief.ask("GET", "/me")[0] == 303, "every session ended"


def secret_of(page: str) -> str:
    (found,) = re.findall(r"<code>(\w{32})</code>", page)
    return str(found)
