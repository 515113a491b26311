"""How the tests are shared out among workers: a file to one of them, and first those that take longest."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

LONGEST = (
    "tests/test_faults.py", "tests/test_site.py", "tests/test_hard_times.py", "tests/relay/test_delivery.py",
    "tests/relay/test_webmail.py", "tests/office/test_pages.py", "tests/document/test_libreoffice.py",
    "tests/test_rights.py", "tests/relay/test_thunderbird.py", "tests/room/test_beats.py",
    "tests/room/test_reading_in_chromium.py", "tests/test_consent.py", "tests/office/test_ways_to_send.py",
    "tests/relay/test_mailbox.py", "tests/relay/test_submission.py", "tests/test_tag.py", "tests/test_knowing.py",
    "tests/room/test_completed.py", "tests/act/test_webhooks.py", "tests/relay/test_faults.py",
    "tests/test_erased_everywhere.py", "tests/test_minimal.py",
)  # fmt: skip
"""Files that take longest, in that order: begun last, one would keep a worker busy when all others are done."""


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Tests of a file share what is costly to set up."""

    def _assign_work_unit(self, node: Any) -> None:
        longest = next((file for file in LONGEST if file in self.workqueue), None)
        if longest:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
