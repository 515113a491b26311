"""What happens to files while somebody works with them: other processes delete, and take in, what is the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from inkdot.app import room
from inkdot.app.consent import WORKSPACE, Register, choice
from inkdot.app.folder import Folder
from inkdot.app.library import Library
from inkdot.collect.deny import NAME as DENY
from inkdot.collect.deny import Deny
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.document import Document
from inkdot.domain.errors import JournalStopped
from inkdot.domain.ids import DocumentId
from inkdot.journal.writer import Writer
from inkdot.room.gate import Tries
from inkdot.room.queue import Queue, Wanted
from inkdot.room.recorder import Recorder
from inkdot.settings import load
from tests.conftest import PATIENCE, eventually, in_a_loop
from tests.room.made import pdf


class Interrupted(Library):
    """Looks through a file, and meanwhile something happens."""

    happens: Callable[[], object] | None = None

    def _read(self, file: Path, document: DocumentId) -> Document:
        fresh = super()._read(file, document)
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return fresh


@pytest.mark.parametrize("anew", [False, True])
def test_a_file_that_is_erased_while_it_is_taken_in_again_is_there(tmp_path: Path, anew: bool) -> None:
    folder, file = Folder(tmp_path / "data"), pdf(tmp_path / "offer.pdf", 1)
    with folder.owned(), Interrupted(folder) as library, Library(folder) as eraser:
        other = eraser.take(pdf(tmp_path / "other.pdf", 1, "other"))
        before = eraser.take(file)
        library.happens = lambda: eraser.erase(before.id)
        document = library.replace(other.id, file) if anew else library.take(file)
        assert (folder.uploads / document.upload[:2] / document.upload).read_bytes() == file.read_bytes()


def test_files_that_others_delete_do_not_end_the_care_for_who_withdrew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_CHORE_SECONDS", 0.0)
    folder = Folder(tmp_path / "data")
    with folder.owned():
        cared = room.Room(folder, load(folder.root, {}))
        (folder.drawn / "erased").mkdir(parents=True)
        (folder.drawn / "erased" / "1-880.webp").symlink_to("nowhere")  # as one that is deleted once it was listed
        trim, trimmed, ended = cared.pages.trim, list[bool](), threading.Event()

        def noted() -> int:
            trimmed.append(True)
            return trim()

        monkeypatch.setattr(cared.pages, "trim", noted)
        caring = threading.Thread(target=cared.care, args=(ended.set,))
        caring.start()
        eventually(lambda: trimmed)
        cared.recorder.failed = JournalStopped("The disk failed.")
        caring.join()
        assert ended.is_set()
        cared.recorder.failed = None
        cared.close()


def test_a_document_whose_note_cannot_be_deleted_holds_up_no_other(tmp_path: Path) -> None:
    def make(wanted: Wanted) -> None:
        if wanted.digest == "first":
            (tmp_path / "first").unlink()
            (tmp_path / "first").mkdir()

    queue = Queue(tmp_path, make)
    for digest in ("first", "second"):
        wanted = Wanted(digest, "application/rtf", f"{digest}.rtf")
        eventually(lambda wanted=wanted: queue.ahead(wanted) is None)  # type: ignore[misc]


def test_who_waits_for_the_journal_hears_of_any_trouble_with_it(tmp_path: Path) -> None:
    class Threadless(Writer):
        """As on a machine that can start no thread more."""

        def commit(self, records: bytes) -> None:
            raise RuntimeError("can't start new thread")

    recorder = Recorder(Threadless(tmp_path / "journal"))

    async def kept() -> None:
        async with asyncio.timeout(PATIENCE):
            await recorder.keep(b"x")

    with pytest.raises(JournalStopped, match="can't start new thread"):
        in_a_loop(kept())
    assert recorder.failed
    recorder.close()


def test_who_withdrew_right_before_a_kill_is_denied_after_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    with folder.owned():
        settings = load(folder.root, {})
        with Register(folder, settings) as register:
            ben = register.contact(Address("ben@example.com"))
            register.book.keep_choices(WORKSPACE, [(ben, choice(Address("ben@example.com"), "withdraw", Mode.OFF))])
        assert not Deny(folder.root / DENY).names(ben), "killed before anybody was told"
        room.Room(folder, settings).close()
        assert Deny(folder.root / DENY).names(ben)


def test_a_clock_that_was_set_back_shuts_nobody_out_until_the_old_time() -> None:
    tries, now = Tries(), 1_760_000_000.0
    assert [tries.again(now, 2, "ben") for _ in range(3)] == [True, True, False]
    assert tries.again(now - 86_400, 2, "ben")
