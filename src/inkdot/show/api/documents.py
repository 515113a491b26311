"""Shared documents, their links, and how they were read."""

from __future__ import annotations

from typing import Any

import msgspec

from inkdot.show.api.call import Call, Page, page_of


def list_documents(call: Call) -> Page[Any]:
    """With their links."""
    return page_of(call.ask("document_list"), call.query.limit, call.query.cursor, lambda d: str(d["document"]))


def add_document(call: Call) -> dict[str, Any]:
    """A PDF or a picture, as it is; the same file under the same name is the same document."""
    return call.one("document_add", name=call.query.name, file=call.body)


def show_document(call: Call) -> dict[str, Any]:
    """With its links."""
    return call.one("document_list", document=call.path["document"])


def replace_document(call: Call) -> dict[str, Any]:
    """The links lead to the new file; what was read of the old one stays apart."""
    return call.one("document_add", document=call.path["document"], name=call.query.name, file=call.body)


def delete_document(call: Call) -> None:
    """With its links and files; what was read of it stays in the events."""
    call.one("document_rm", document=call.path["document"])


def share_document(call: Call) -> dict[str, Any]:
    """For one person."""
    return call.one("document_share", document=call.path["document"], **msgspec.structs.asdict(call.body))


def revoke_share(call: Call) -> None:
    """It ends at once."""
    call.one("document_revoke", link=call.path["share"])


def report_document(call: Call) -> dict[str, Any]:
    """Pages, visits, people, and what to do next."""
    return call.one(
        "report_document", document=call.path["document"], person=call.query.person, version=call.query.version
    )
