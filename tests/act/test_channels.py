"""The other ways out: mail, chat, push messages, web push; and rules about silence."""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import json
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inkdot.act.channels import Undelivered, email, ntfy, push, slack
from inkdot.act.payload import sentence
from inkdot.act.reach import Reach
from inkdot.app.acting import Acting
from inkdot.app.folder import Folder
from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.settings import Settings
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from tests.act.conftest import Receiver
from tests.store.made import AUTUMN, HERE, SECOND, event, keep

HERE_ONLY = Reach([ipaddress.ip_network("127.0.0.0/8")])


def test_what_strangers_wrote_makes_no_link_and_no_mention_in_a_chat(receiver: Receiver) -> None:
    slack.deliver(
        HERE_ONLY, receiver.url + "/chat", "<!channel> <http://evil.example|x> *@here* https://evil.example", "dlv_1"
    )
    text = receiver.heard[0].json["text"]
    assert "<" not in text
    assert "://" not in text
    assert "@here" not in text


def test_a_push_message_keeps_its_title_in_any_language(receiver: Receiver) -> None:
    ntfy.deliver(HERE_ONLY, receiver.url + "/topic", "Grüße\r\nX-Evil: 1", "Ben clicked.", "secret", 4, "dlv_1")
    headers = receiver.heard[0].headers
    assert base64.b64decode(headers["title"][10:-2]).decode() == "Grüße X-Evil: 1"
    assert (headers["priority"], headers["authorization"], receiver.heard[0].body) == (
        "4",
        "Bearer secret",
        b"Ben clicked.",
    )
    assert "x-evil" not in headers


def test_a_mail_has_one_id_and_no_header_of_a_strangers() -> None:
    sent: list[tuple[str, str, bytes]] = []

    def post(sender: str, to: str, mail: bytes) -> tuple[int, str]:
        sent.append((sender, to, mail))
        return 250, "ok"

    for _ in range(2):
        email.deliver(post, "ada@example.com", "ada@example.com", "Hi\r\nBcc: eve@example.com", "text", "dlv_1", 0.0)
    first, second = (message_from_bytes(mail, policy=default) for _, _, mail in sent)
    assert first["Message-ID"] == second["Message-ID"] == "<dlv_1@example.com>"
    assert (first["Bcc"], first["Subject"]) == (None, "Hi Bcc: eve@example.com")
    with pytest.raises(Undelivered, match="set upstream and owner"):
        email.deliver(None, "", "ada@example.com", "x", "y", "dlv_1", 0.0)


def test_web_push_encrypts_as_the_rfc_shows() -> None:
    """The example of RFC 8291, section 5 and appendix A."""
    own = ec.derive_private_key(
        int.from_bytes(push.decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    browser = push.decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    auth, salt = push.decoded("BTBZMqHH6r4Tts7J_aSIgg"), push.decoded("DGv6ra1nlYgDCS1FRnbzlw")
    made = push.encrypted(b"When I grow up, I want to be a watermelon", browser, auth, lambda _n: salt, own)
    assert push.encoded(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6"
        "cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_web_push_is_signed_for_its_push_service(receiver: Receiver) -> None:
    vapid = push.Vapid.fresh("mailto:ada@example.com")
    browser = ec.generate_private_key(ec.SECP256R1()).public_key()
    keys = {
        "p256dh": push.encoded(browser.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
        "auth": push.encoded(bytes(16)),
    }
    push.deliver(HERE_ONLY, vapid, receiver.url + "/send/1", keys, {"title": "Hi", "text": "Ben clicked."})
    headers = receiver.heard[0].headers
    assert headers["content-encoding"] == "aes128gcm"
    token, key = (part.split("=", 1)[1] for part in headers["authorization"].removeprefix("vapid ").split(", "))
    assert key == vapid.public()
    claims = json.loads(push.decoded(token.split(".")[1]))
    assert (claims["aud"], claims["sub"]) == (receiver.url, "mailto:ada@example.com")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "ben@example.com opened “The quote”."),
        ({"human": "likely", "actor": "image_proxy"}, "ben@example.com probably opened “The quote”."),
        ({"human": "unknown"}, "ben@example.com perhaps opened “The quote”; nobody can say whether a person did."),
        ({"human": "no", "actor": "scanner"}, "A security scanner fetched “The quote” of ben@example.com."),
        ({"kind": "view", "url": "https://example.com/"}, "ben@example.com viewed https://example.com/."),
    ],
)
def test_messages_claim_no_more_than_is_proven(changes: dict[str, str], says: str) -> None:
    base = {
        "kind": "open",
        "actor": "human",
        "human": "yes",
        "person": "ben@example.com",
        "subject": "The quote",
        "url": None,
    }
    assert sentence(base | changes) == says


def test_a_mail_that_nobody_opened_in_time_fires_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    control, store = Control(folder.control), EventStore(folder.events)
    ben, eve = ContactId(7), ContactId(8)
    marked = AUTUMN // SECOND
    mail = Message(MessageId(3), marked, "The quote", (Address("ben@example.com"), Address("eve@example.com")), ())
    control.keep_message(mail, {Address("ben@example.com"): ben, Address("eve@example.com"): eve}, HERE)
    keep(store, event(1, contact=ben))
    time = [AUTUMN + 2 * 86_400 * SECOND]
    acting = Acting(
        folder, dataclasses.replace(Settings(), owner="ada@example.com"), control, lambda: time[0], lambda _t, _w: None
    )
    acting.store = store
    try:
        rule = '{"name":"Silent","when":{"not_opened_for":"3d"},"actions":[{"do":"email"}]}'
        list(acting.trigger_add({"rule": rule}))
        assert acting.watch.notice_silences() == 0
        time[0] += 86_400 * SECOND + SECOND
        assert acting.watch.notice_silences() == 1
        assert acting.watch.notice_silences() == 0
        (delivery,) = acting.outbox.deliveries(WorkspaceId(1), None, None, 0, 10)
        told = json.loads(delivery.body)["data"]
        assert (told["person"], told["event"]) == ("eve@example.com", None)
        assert sentence(told) == "eve@example.com has not opened “The quote” for 3d."
    finally:
        acting.close()
        store.close()
        control.close()


def test_nobody_is_written_to_without_having_agreed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    control, store = Control(folder.control), EventStore(folder.events)
    control.remember_contacts({(WorkspaceId(1), ContactId(7)): Address("ben@example.com")})
    acting = Acting(folder, Settings(), control, lambda: AUTUMN + SECOND, lambda _t, _w: None)
    acting.store = store
    try:
        acting.watch.begin({}, store.between_ids)
        list(
            acting.trigger_add(
                {"rule": '{"name":"Hi","when":{"kind":"open"},"hold":"0s","actions":[{"do":"email","to":"person"}]}'}
            )
        )
        acting.watch.take([event(1)], {0: (1, 16)})
        (delivery,) = acting.outbox.deliveries(WorkspaceId(1), None, None, 0, 10)
        assert acting.deliverer.deliver(delivery).said == "The person has not agreed to be written to."
        assert acting.outbox.deliveries(WorkspaceId(1), "failed", None, 0, 10)
    finally:
        acting.close()
        store.close()
        control.close()
