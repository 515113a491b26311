"""Real mail programs send through the mail door: swaks, msmtp and mutt here, Thunderbird in a file of its own."""

from __future__ import annotations

import os
import plistlib
import socket
import subprocess
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ADA, BEN, PATIENCE, inkdot, inkdot_json
from tests.relay.mail_door import MailDoor, any_certificate, page
from tests.relay.sink import Sink


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailDoor]:
    with Sink() as sink:
        running = MailDoor(tmp_path_factory.mktemp("door"), sink)
        yield running
        running.stop()


def test_swaks_sends_with_starttls_and_auth(door: MailDoor, tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(page("By swaks"))
    command = ["swaks", "--server", door.address, "--tls", "--auth", "PLAIN", "--auth-user", door.user, "--from", ADA,
               "--to", "swaks@example.com", "--data", f"@{tmp_path / 'mail'}"]  # fmt: skip
    done = subprocess.run([*command, "--auth-password", door.password], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"/o/" in door.delivered("swaks@example.com")[0].content
    wrong = subprocess.run([*command, "--auth-password", "wrong"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 28
    assert "535 5.7.8 User or password is wrong" in wrong.stdout


def test_swaks_without_a_login_is_no_open_relay(door: MailDoor) -> None:
    command = ["swaks", "--server", door.address, "--from", "a@evil.example", "--to", "b@example.net"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 23
    assert "530 5.7.0 Log in first" in done.stdout


def test_msmtp_sends_to_all_and_keeps_the_blind_ones_blind(door: MailDoor, tmp_path: Path) -> None:
    host, _, port = door.address.rpartition(":")
    config = tmp_path / "msmtprc"
    config.write_text(
        f"account default\nhost {host}\nport {port}\ntls on\ntls_certcheck off\nauth plain\n"
        f"user {door.user}\npassword {door.password}\nfrom {ADA}\n"
    )
    config.chmod(0o600)
    content = page("By msmtp", To="m1@example.com", Bcc="m2@example.com").replace(b"\r\n", b"\n")
    subprocess.run(["msmtp", "-C", config, "-t"], input=content, check=True, capture_output=True)
    assert b"/o/" in door.delivered("m1@example.com")[0].content
    assert b"m2@example.com" not in door.delivered("m2@example.com")[0].content


def test_mutt_sends_html_to_all_with_starttls_and_a_login(door: MailDoor, tmp_path: Path) -> None:
    user = door.user.replace("@", "%40")
    (tmp_path / "muttrc").write_text(
        f'set smtp_url="smtp://{user}:{door.password}@{door.address}/"\nset ssl_starttls=yes\nset ssl_force_tls=yes\n'
        f'set ssl_verify_dates=no\nset ssl_verify_host=no\nset certificate_file="{tmp_path}/certs"\nset from="{ADA}"\n'
        f'set realname="Ada"\nset copy=no\nset content_type="text/html"\nset smtp_authenticators="plain"\n'
    )
    # What a person is asked once: is this certificate the right one?
    certificate = (door.data / "relay-tls.pem").read_text()
    (tmp_path / "certs").write_text(certificate[certificate.index("-----BEGIN CERTIFICATE") :])
    body = "<html><body><p>From mutt <a href='https://www.example.com/'>x</a></p></body></html>\n"
    all_to = ("mutt@example.com", "mutt-cc@example.com", "mutt-blind@example.com")
    command = ["mutt", "-F", str(tmp_path / "muttrc"), "-s", "By mutt", "-c", all_to[1], "-b", all_to[2], all_to[0]]
    subprocess.run(
        command, input=body, text=True, check=True, timeout=PATIENCE, env=os.environ | {"HOME": str(tmp_path)}
    )
    copies = [door.delivered(to)[0].content.replace(b"=\r\n", b"") for to in all_to]
    dots = [part.split(b".gif")[0] for copy in copies for part in copy.split(b"/o/")[1:]]
    assert (len(dots), len(set(dots))) == (6, 6)
    assert not any(b"mutt-blind@" in copy for copy in copies)


def test_programs_that_begin_with_tls_have_a_door_of_their_own(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_tls_port=0)
        setup = inkdot_json("relay", "setup", ADA, "--out-dir", tmp_path, "--data", door.data)
        assert (setup["security"], setup["port"] != int(door.address.rpartition(":")[2])) == ("SSL/TLS", True)
        where = f"{setup['host']}:{setup['port']}"
        (tmp_path / "mail").write_bytes(page("By TLS"))
        command = ["swaks", "--server", where, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", door.user, "--from", ADA,
                   "--to", BEN, "--data", f"@{tmp_path / 'mail'}", "--auth-password", door.password]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "STARTTLS" not in done.stdout
        assert b"/o/" in door.delivered()[0].content
        outgoing = ET.parse(tmp_path / f"{ADA}-thunderbird.xml").find("emailProvider/outgoingServer")
        assert outgoing is not None
        assert (outgoing.findtext("socketType"), outgoing.findtext("port")) == ("SSL", str(setup["port"]))
        assert "SSL/TLS" in (tmp_path / f"{ADA}-outlook.txt").read_text()
        assert "smtps://" in inkdot("relay", "setup", ADA, "--out-dir", tmp_path, "--data", door.data).stdout
        with socket.create_connection(("127.0.0.1", setup["port"]), PATIENCE) as plain:
            plain.sendall(b"EHLO me\r\n")
            assert plain.recv(100)[:1] != b"2", "nothing is said in the clear"
        with any_certificate().wrap_socket(socket.create_connection(("127.0.0.1", setup["port"]), PATIENCE)) as secure:
            assert secure.recv(1_000).startswith(b"220 ")
            secure.sendall(b"EHLO me\r\nSTARTTLS\r\n")
            said = b""
            while b"503 5.5.1" not in said:
                said += secure.recv(1_000)
            assert b"AUTH PLAIN LOGIN" in said
        door.stop()


def test_who_never_finishes_the_handshake_holds_no_place_for_long(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_tls_port=0, relay_timeout=1, relay_connections_per_address=2)
        port = inkdot_json("relay", "setup", ADA, "--out-dir", tmp_path, "--data", door.data)["port"]
        held = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as third:
            assert third.recv(100) == b""
        for one in held:
            assert one.recv(100) == b""
            one.close()
        with any_certificate().wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE)) as secure:
            assert secure.recv(1_000).startswith(b"220 ")
        door.stop()


def test_the_files_for_mail_programs_say_where_the_door_is(door: MailDoor, tmp_path: Path) -> None:
    host, _, port = door.address.rpartition(":")
    said = inkdot("relay", "setup", ADA, "--out-dir", tmp_path, "--data", door.data).stdout
    assert all(word in said for word in (host, port, ADA, "STARTTLS"))
    server = ET.parse(tmp_path / f"{ADA}-thunderbird.xml").find("emailProvider/outgoingServer")
    assert server is not None
    assert {e.tag: e.text for e in server} == {
        "hostname": host, "port": port, "socketType": "STARTTLS", "username": ADA, "authentication": "password-cleartext",
    }  # fmt: skip
    account = plistlib.loads((tmp_path / f"{ADA}.mobileconfig").read_bytes())["PayloadContent"][0]
    assert (account["OutgoingMailServerHostName"], account["OutgoingMailServerPortNumber"]) == (host, int(port))
    assert account["OutgoingMailServerUsername"] == ADA
    assert f"{host}, port {port}" in (tmp_path / f"{ADA}-outlook.txt").read_text()
    assert inkdot_json("relay", "setup", ADA, "--out-dir", tmp_path, "--data", door.data)["port"] == int(port)
    assert inkdot("relay", "setup", "nobody", "--data", door.data, check=False).returncode == 2


def test_the_files_are_whole_by_their_formats_and_hold_no_password(door: MailDoor, tmp_path: Path) -> None:
    inkdot("relay", "setup", ADA, "--imap-host", "in.example.com", "--out-dir", tmp_path, "--data", door.data)
    root = ET.parse(tmp_path / f"{ADA}-thunderbird.xml").getroot()
    assert (root.tag, root.get("version")) == ("clientConfig", "1.1")
    provider = root.find("emailProvider")
    assert provider is not None
    assert [e.tag for e in provider] == [
        "domain",
        "displayName",
        "displayShortName",
        "incomingServer",
        "outgoingServer",
    ]
    assert (provider.get("id"), provider.findtext("domain")) == ("example.com", "example.com")
    incoming = provider.find("incomingServer")
    assert incoming is not None
    assert (incoming.get("type"), {e.tag: e.text for e in incoming}) == (
        "imap", {"hostname": "in.example.com", "port": "993", "socketType": "SSL", "username": ADA, "authentication": "password-cleartext"},
    )  # fmt: skip
    profile = plistlib.loads((tmp_path / f"{ADA}.mobileconfig").read_bytes())
    (account,) = profile["PayloadContent"]
    for payload, kind in ((profile, "Configuration"), (account, "com.apple.mail.managed")):
        assert (payload["PayloadType"], payload["PayloadVersion"]) == (kind, 1)
        assert uuid.UUID(payload["PayloadUUID"])
        assert payload["PayloadIdentifier"]
    assert profile["PayloadUUID"] != account["PayloadUUID"]
    host, _, port = door.address.rpartition(":")
    said = {key.removeprefix("Outgoing"): value for key, value in account.items() if key.startswith("Outgoing")}
    assert said == {
        "MailServerHostName": host, "MailServerPortNumber": int(port), "MailServerUseSSL": True,
        "MailServerAuthentication": "EmailAuthPassword", "MailServerUsername": ADA, "PasswordSameAsIncomingPassword": False,
    }  # fmt: skip
    assert (account["EmailAccountType"], account["EmailAddress"]) == ("EmailTypeIMAP", ADA)
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerUsername"]) == ("in.example.com", ADA)
    assert not any(door.password.encode() in path.read_bytes() for path in tmp_path.iterdir())
