"""No address that a user names leads into the house or its network."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time

import pytest

from inkdot.act.channels import Undelivered
from inkdot.act.reach import Reach
from tests.act.conftest import Receiver

INSIDE = (
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255",
    "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::",
    "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::127.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_refused_with_one_and_the_same_sentence(address: str) -> None:
    reach = Reach(resolve=lambda _host, _port: [address])
    with pytest.raises(Undelivered, match="The address is not public") as refused:
        reach.post("https://hook.example.com/", b"{}", {})
    assert refused.value.permanent
    assert address not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]"])
def test_every_way_to_write_this_machine_is_refused_and_hears_nothing(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2]
    with pytest.raises(Undelivered):
        Reach().post(f"http://{host}:{port}/", b"{}", {})
    assert not receiver.heard


def test_one_inner_address_among_outer_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Undelivered, match="not public"):
        Reach(resolve=lambda _host, _port: ["203.0.114.7", "127.0.0.1"]).post("http://example.com/", b"", {})


def test_the_judged_address_is_the_one_that_is_called(receiver: Receiver) -> None:
    """A name server that changes its mind between the look and the call changes nothing: it is asked once."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    reach = Reach([ipaddress.ip_network("127.0.0.1/32")], resolve=lambda _host, _port: answers.pop(0))
    port = receiver.url.rpartition(":")[2]
    assert reach.post(f"http://rebinding.example.com:{port}/x?y=1", b"{}", {}).status == 204
    assert answers == [["127.0.0.2"]]
    assert receiver.heard[0].path == "/x?y=1"
    assert receiver.heard[0].headers["host"] == f"rebinding.example.com:{port}"


def test_an_address_that_takes_no_connection_is_passed_over_for_the_next(receiver: Receiver) -> None:
    reach = Reach([ipaddress.ip_network("127.0.0.0/8")], resolve=lambda _host, _port: ["127.0.0.9", "127.0.0.1"])
    port = receiver.url.rpartition(":")[2]
    assert reach.post(f"http://twice.example.com:{port}/x", b"{}", {}).status == 204
    with pytest.raises(Undelivered, match="No answer"):
        Reach([ipaddress.ip_network("127.0.0.0/8")], resolve=lambda _h, _p: ["127.0.0.9", "127.0.0.8"]).post(
            f"http://twice.example.com:{port}/x", b"{}", {}
        )


def test_low_ports_beside_the_webs_are_no_web_addresses() -> None:
    with pytest.raises(Undelivered, match="not public"):
        Reach(resolve=lambda _host, _port: ["203.0.114.7"]).post("http://example.com:25/", b"", {})


@pytest.mark.parametrize(
    "url",
    [
        "http://a@example.com/",
        "http://example.com/\r\nX: y",
        "http:///x",
        "gopher://example.com/",
        "http://example.com:x/",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(Undelivered, match="no web address"):
        Reach().post(url, b"", {})


def test_a_receiver_that_drips_is_cut_at_the_deadline() -> None:
    door = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        other, _ = door.accept()
        with other:
            try:
                while True:
                    other.sendall(b"H")
                    time.sleep(0.05)
            except OSError:
                pass

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with pytest.raises(Undelivered):
        Reach([ipaddress.ip_network("127.0.0.0/8")], seconds=0.5).post(
            f"http://127.0.0.1:{door.getsockname()[1]}/", b"", {}
        )
    thread.join(5)
    door.close()
