"""Contacts, messages and links: kept once, by whoever comes first, from several processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inkdot.domain.contact import Address
from inkdot.domain.document import Document
from inkdot.domain.ids import ContactId, DocumentId, LinkId, MessageId, SiteId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.domain.token import link_in_message
from inkdot.store.control import Control, MarkedMessage
from inkdot.store.documents import Documents
from inkdot.store.sites import Site, Sites
from tests.store.made import BEN, EVE, HERE, NOBODY

BEN_AT, EVE_AT = Address("ben@example.com"), Address("eve@example.com")
QUOTE = Message(
    MessageId((1 << 63) - 1), 1_760_000_000, "Das Ängebot", (BEN_AT, EVE_AT), ("https://a.example/?ü", "https://b.example"),
    "<quote@example.com>",
)  # fmt: skip


def test_a_message_comes_back_as_it_was_marked(control: Control) -> None:
    for _ in range(2):
        control.keep_message(QUOTE, {BEN_AT: BEN, EVE_AT: EVE}, HERE)
    assert control.message(QUOTE.id) == QUOTE
    assert control.message(MessageId(1)) is None
    assert control.subjects([QUOTE.id, MessageId(1)]) == {QUOTE.id: "Das Ängebot"}
    assert control.messages_since(0, HERE) == [QUOTE.id]
    assert control.mails([QUOTE.id], HERE) == {QUOTE.id: MarkedMessage(QUOTE.id, QUOTE.marked, QUOTE.subject, 2)}
    assert control.mails([QUOTE.id], WorkspaceId(2)) == {}
    assert control.messages_since(QUOTE.marked + 1, HERE) == control.messages_since(0, WorkspaceId(2)) == []
    assert control.destination_of(link_in_message(QUOTE.id, 1)) == "https://a.example/?ü".encode()
    assert control.check() == []


def test_people_are_known_by_address_and_by_id(tmp_path: Path) -> None:
    control = Control(tmp_path / "control.db")
    control.remember_contacts({(HERE, BEN): BEN_AT})
    control.remember_contacts({(HERE, BEN): BEN_AT, (HERE, EVE): EVE_AT})
    control.close()
    control = Control(tmp_path / "control.db")
    assert (control.contact_of(BEN_AT, HERE), control.contact_of(Address("x@example.com"), HERE)) == (BEN, None)
    assert control.contact_of(BEN_AT, WorkspaceId(2)) is None
    for _ in range(2):
        assert control.addresses_of([(HERE, BEN), (HERE, EVE), (HERE, NOBODY), (HERE, ContactId(5))]) == {
            (HERE, BEN): BEN_AT,
            (HERE, EVE): EVE_AT,
        }
    assert (control.address_of(HERE, BEN), control.address_of(HERE, NOBODY)) == (BEN_AT, None)
    control.close()


def test_a_link_of_its_own_keeps_its_destination_byte_for_byte(control: Control) -> None:
    control.keep_link(LinkId(5), b"https://example.com/\xff?a=%20", HERE)
    assert control.destination_of(LinkId(5)) == b"https://example.com/\xff?a=%20"
    assert control.destination_of(LinkId(6)) is None


def test_a_failed_transaction_leaves_nothing_and_does_no_harm_to_the_next(control: Control) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        control.keep_message(QUOTE, {BEN_AT: BEN}, WorkspaceId(77))
    assert control.message(QUOTE.id) is None
    control.keep_message(QUOTE, {BEN_AT: BEN}, HERE)
    assert control.mails([QUOTE.id], HERE)[QUOTE.id].recipients == 1


MARKER = """
import sys
from pathlib import Path
from inkdot.domain.ids import LinkId
from inkdot.store.control import Control
from tests.store.made import HERE
sys.stdin.readline()
control = Control(Path(sys.argv[1]))
for n in range(20):
    control.keep_link(LinkId(int(sys.argv[2]) * 1000 + n), b"https://example.com", HERE)
"""


def test_several_processes_begin_one_file_and_all_keep_what_they_have(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    markers = [
        subprocess.Popen([sys.executable, "-c", MARKER, str(path), str(n)], stdin=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    for marker in markers:  # all at once
        assert marker.stdin
        marker.stdin.write("\n")
        marker.stdin.flush()
    for marker in markers:
        marker.communicate()
    assert [marker.returncode for marker in markers] == [0, 0, 0, 0]
    assert not list(tmp_path.glob("*before*"))  # a file being begun is no file to be saved
    control = Control(path)
    assert all(control.destination_of(LinkId(p * 1000 + n)) for p in range(4) for n in range(20))
    control.close()


def test_threads_may_share_a_connection(control: Control) -> None:
    troubles: list[Exception] = []

    def work(number: int) -> None:
        try:
            for n in range(30):
                who = (HERE, ContactId(number * 100 + n + 1))
                control.remember_contacts({who: Address(f"{who[1]}@example.com")})
                assert control.addresses_of([who])
        except Exception as error:  # noqa: BLE001 - shown by the test
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []


def test_a_copy_made_in_use_is_whole(control: Control, tmp_path: Path) -> None:
    control.keep_message(QUOTE, {BEN_AT: BEN, EVE_AT: EVE}, HERE)
    control.backup_to(tmp_path / "copy.db")
    control.keep_link(LinkId(1), b"later", HERE)
    copy = Control(tmp_path / "copy.db")
    assert (copy.message(QUOTE.id), copy.destination_of(LinkId(1)), copy.check()) == (QUOTE, None, [])
    copy.close()


def test_a_file_that_two_take_in_at_the_same_moment_is_one_document(tmp_path: Path) -> None:
    first, second = Documents(tmp_path / "control.db"), Documents(tmp_path / "control.db")

    def taken(number: int, name: str = "offer.pdf") -> Document:
        return Document(DocumentId(number), name, 1_700_000_000, 1, "ab12", 9, "application/pdf", (7,))

    assert first.keep_document(taken(5), WorkspaceId(1)) == 5
    assert second.keep_document(taken(6), WorkspaceId(1)) == 5
    assert second.keep_document(taken(7, "plan.pdf"), WorkspaceId(1)) == 7
    assert second.document(DocumentId(6)) is None
    first.close()
    second.close()


def test_of_two_who_make_a_site_at_once_both_get_the_same(tmp_path: Path) -> None:
    first, second = Sites(tmp_path / "control.db"), Sites(tmp_path / "control.db")
    assert first.site_of("shop.example", HERE) is second.site_of("shop.example", HERE) is None
    made = first.keep_site(Site(SiteId(5), "shop.example", 1_760_000_000, "key-5"), HERE)
    assert second.keep_site(Site(SiteId(6), "shop.example", 1_760_000_001, "key-6"), HERE) == made
    assert first.sites(HERE) == [made]
    first.close()
    second.close()
