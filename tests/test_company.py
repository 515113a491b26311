"""The organisation of a visit: only where the network is its own, never more than a guess, else a reason."""

from __future__ import annotations

import pytest

from inkdot.domain.evidence import Reason, Status
from inkdot.understand.address import Networks
from inkdot.understand.company import company
from tests.conftest import Server, inkdot_json
from tests.test_site import Shop, view

STUTTGART = "129.69.1.2"


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks()


@pytest.mark.parametrize("asn", [3320, 7018, 1273, 3303, 6805, 680, 3209, 12322, 5607])
def test_a_provider_is_nobodys_company(networks: Networks, asn: int) -> None:
    found = company(networks, asn)
    assert (found.value, found.status) == (None, Status.UNKNOWN)


@pytest.mark.parametrize(
    ("asn", "reason"),
    [(24940, Reason.HOSTING), (16509, Reason.HOSTING), (None, Reason.NO_ADDRESS), (4_294_900_000, Reason.NO_GEO_DATA)],
)
def test_who_hides_the_visitor_is_named_as_the_reason(networks: Networks, asn: int | None, reason: Reason) -> None:
    assert company(networks, asn) == (None, Status.UNKNOWN, reason)


def test_an_organisations_own_network_names_it_as_a_guess(networks: Networks) -> None:
    assert company(networks, 553) == ("Universitaet Stuttgart", Status.DEGRADED, Reason.NETWORK_NAME)


def test_reports_name_the_organisation_of_visits_and_leads(server: Server) -> None:
    shop = Shop(server, "campus.example")
    shop.tell(view("/"), view("/prices", 2), address=STUTTGART)
    shop.events(2)
    (site,) = inkdot_json("report", "site", "--site", "campus.example", "--data", server.data)["sites"]
    assert [(c["name"], c["visits"], c["status"]) for c in site["companies"]] == [
        ("Universitaet Stuttgart", 1, "degraded")
    ]
    leads = inkdot_json("report", "leads", "--data", server.data)["leads"]
    assert "Universitaet Stuttgart" in {lead["company"]["value"] for lead in leads}
