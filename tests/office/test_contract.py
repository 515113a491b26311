"""The OpenAPI document against the API: thousands of requests made from it, by two workspaces' keys."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS

from inkdot.show.api.openapi import described
from inkdot.show.api.routes import BASE
from inkdot.show.api.table import ENDPOINTS
from tests.conftest import PATIENCE, QUOTE, Server, inkdot
from tests.office.asking import Program, key_for

_USUAL = 10
_EXAMPLES = int(os.environ.get("INKDOT_EXAMPLES", _USUAL))
"""For each address; `proofs/contract.py` makes more, and others each time."""
_LEFT_OUT = {
    "positive_data_acceptance",  # a rule that fits its pattern may still not be one: that is a 422 as it should be
    "negative_data_rejection",  # what no word of the schema says, as extra headers, is not judged
}


class Contract(NamedTuple):
    """An office with two workspaces, and words of the other one that must never be seen."""

    ours: Program
    theirs: Program
    secrets: tuple[str, ...]


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    data = tmp_path_factory.mktemp("contract") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text("api_per_minute = 0\n")
    server = Server(data)
    inkdot("workspace", "add", "other", "--data", data)
    every = ("read", "send", "manage", "privacy")
    ours, theirs = key_for(server, *every), key_for(server, *every, workspace="other")
    secret = "zanzibar@example.com"
    mail = {"mail": base64.b64encode(QUOTE).decode(), "to": [secret]}
    kept = [
        theirs.post("/messages", mail).json["message"],
        theirs.post("/sites", {"domain": "zanzibar.example"}).json["site"],
        theirs.post("/webhooks", {"url": "https://zanzibar.example/hook"}).json["webhook"],
        theirs.post("/audiences", {"name": "zanzibar"}).json["audience"],
    ]
    yield Contract(ours, theirs, (*kept, "zanzibar"))
    server.stop()


OPERATIONS: dict[str, Any] = {
    found.ok().label: found.ok()  # type: ignore[union-attr]
    for found in schemathesis.openapi.from_dict(described(ENDPOINTS, BASE))
    .exclude(operation_id="live")
    .get_all_operations()
}


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_address_keeps_what_the_document_says(label: str, contract: Contract) -> None:
    operation = OPERATIONS[label]
    checks: list[Any] = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in _LEFT_OUT]
    manner = settings(
        max_examples=_EXAMPLES, deadline=None, derandomize=_EXAMPLES == _USUAL, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    @manner
    @given(case=operation.as_strategy())
    def keeps(case: schemathesis.Case[Any]) -> None:
        response = case.call_and_validate(
            headers={"Authorization": f"Bearer {contract.ours.key}"},
            checks=checks,
            timeout=PATIENCE,
            base_url=contract.ours.office,
        )
        sent = json.dumps([case.path_parameters, case.query, str(case.body)], default=str)
        for word in contract.secrets:
            assert word not in response.text or word in sent

    keeps()
