"""What a ping proves: who acted, whether a human is proven, what each field is worth, and why.

No verdict without its evidence, no field without its status: this file holds the closed lists of both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec


class Actor(StrEnum):
    """Who sent the request."""

    HUMAN = "human"
    PRIVACY_PROXY = "privacy_proxy"
    IMAGE_PROXY = "image_proxy"
    SCANNER = "scanner"
    BOT = "bot"
    PREVIEW = "preview"
    SENDER = "sender"
    UNKNOWN = "unknown"


class Human(StrEnum):
    """Does it prove that a person displayed or clicked?"""

    YES = "yes"
    LIKELY = "likely"
    UNKNOWN = "unknown"
    NO = "no"


MACHINES = frozenset({Actor.SCANNER, Actor.BOT, Actor.PREVIEW, Actor.SENDER})
"""Actors whose pings are never counted as somebody's opens or clicks."""


class Status(StrEnum):
    """How much a field's value is worth."""

    KNOWN = "known"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a field is not simply known. Each has a sentence in `SENTENCES`."""

    APPLE_PRIVACY_PROXY = "apple_privacy_proxy"
    PRIVATE_RELAY = "private_relay"
    GOOGLE_IMAGE_PROXY = "google_image_proxy"
    GMAIL_PREFETCH = "gmail_prefetch"
    IMAGE_PROXY = "image_proxy"
    MACHINE = "machine"
    PREFETCH = "prefetch"
    NO_ADDRESS = "no_address"
    PRIVATE_ADDRESS = "private_address"
    NO_GEO_DATA = "no_geo_data"
    GEO_DATA_OLD = "geo_data_old"
    CITY_ESTIMATE = "city_estimate"
    MOBILE_NETWORK = "mobile_network"
    HOSTING = "hosting"
    VPN = "vpn"
    TOR = "tor"
    SHARED_GATEWAY = "shared_gateway"
    NO_AGENT = "no_agent"
    AGENT_SILENT = "agent_silent"
    AGENT_SHARED = "agent_shared"
    VERSION_FROZEN = "version_frozen"
    CONSENT = "consent"
    DAY_ONLY = "day_only"
    FEW = "few"
    CACHED = "cached"
    INFERRED = "inferred"
    PROVIDER_NETWORK = "provider_network"
    NETWORK_NAME = "network_name"
    COSTUME = "costume"


SENTENCES: dict[Reason, str] = {
    Reason.APPLE_PRIVACY_PROXY: "Apple Mail fetched this for the reader, perhaps hours before, perhaps without anybody reading it.",
    Reason.PRIVATE_RELAY: "The reader uses Apple's Private Relay, which shows an address chosen by Apple.",
    Reason.GOOGLE_IMAGE_PROXY: "Gmail fetched the image for the reader and hides place, system and device.",
    Reason.GMAIL_PREFETCH: "Gmail fetched the image before anybody opened the mail.",
    Reason.IMAGE_PROXY: "The mail provider fetched the image for the reader and hides place, system and device.",
    Reason.MACHINE: "A machine made this request, so it says nothing about the recipient.",
    Reason.PREFETCH: "A browser or a chat program fetched this in advance; nobody need have seen it.",
    Reason.NO_ADDRESS: "No network address was kept or sent.",
    Reason.PRIVATE_ADDRESS: "The address belongs to a private network and has no place on the map.",
    Reason.NO_GEO_DATA: "The geographic data do not know this address.",
    Reason.GEO_DATA_OLD: "The geographic data were more than 90 days old; 'inkdot geo update' fetches newer ones.",
    Reason.CITY_ESTIMATE: "A city is always a guess from the address; it may be many kilometres off.",
    Reason.MOBILE_NETWORK: "A mobile network: its addresses tell the country at best, not the city.",
    Reason.HOSTING: "The address belongs to a data centre, so the reader may be elsewhere.",
    Reason.VPN: "The reader came through a VPN; this is where its exit is, not the reader.",
    Reason.TOR: "The reader came through Tor, which hides where people are.",
    Reason.SHARED_GATEWAY: "The address belongs to a network that scans mail and also carries people; who it was cannot be told.",
    Reason.NO_AGENT: "The program did not say what it is.",
    Reason.AGENT_SILENT: "The program's name does not tell this.",
    Reason.AGENT_SHARED: "Several programs use exactly this name, so this is the likeliest of them.",
    Reason.VERSION_FROZEN: "This browser always reports the same system version, whatever the real one is.",
    Reason.CONSENT: "Nothing more may be kept: the recipient's consent does not cover it.",
    Reason.DAY_ONLY: "Only the day is kept, because the recipient's consent covers no more.",
    Reason.FEW: "Counted for nobody, and fewer than five of a kind: more than the day could tell who it was.",
    Reason.CACHED: "The mail provider may answer later views from its own copy, so repeat opens can be missing.",
    Reason.INFERRED: "Concluded from a click: the images were blocked, but the mail was in front of a person.",
    Reason.PROVIDER_NETWORK: "The network carries people of many organisations, so it does not tell which.",
    Reason.NETWORK_NAME: "Guessed from the name of the network: it may be a guest, or somebody at home.",
    Reason.COSTUME: "The program's name is one that machines are known to wear, so it tells nothing.",
}


class Evidence(NamedTuple):
    """One rule that fired and the fact it saw."""

    rule: str
    fact: str


class Field(NamedTuple):
    """One thing that may be known about a ping. `value` is None unless something can be said."""

    value: str | None
    status: Status
    reason: Reason | None = None


KNOWN = Field(None, Status.KNOWN)


class Fields(NamedTuple):
    """The fields of an event, each with its status."""

    time: Field
    location: Field
    os: Field
    os_version: Field
    device: Field
    client: Field


class Verdict(NamedTuple):
    """What a ping proves. Equal clients share one verdict."""

    actor: Actor
    human: Human
    fields: Fields
    evidence: tuple[Evidence, ...]


class City(NamedTuple):
    """What a city database says of an address, which is never more than a guess."""

    city: str | None
    region: str | None
    country: str | None
    """Two letters."""
    radius: int | None
    """Kilometres, where the database gives them."""


class Says(StrEnum):
    """What a person who knows better says of an event."""

    HUMAN = "human"
    MACHINE = "machine"
    ME = "me"
    """The sender."""


class Correction(NamedTuple):
    """A person's word on an event. It counts more than any rule, and its reason is shown."""

    says: Says
    because: str
    time: int
    """Unix seconds."""

    def of(self, verdict: Verdict) -> Verdict:
        """The verdict with this word before the rules' evidence; correcting twice is correcting once."""
        actor, human = _SAID[self.says]
        proof = Evidence("said", f"somebody says so: {self.because}")
        judged = without_word(verdict, actor, human)
        return judged._replace(evidence=(proof, *judged.evidence))


_SAID = {
    Says.HUMAN: (Actor.HUMAN, Human.YES), Says.MACHINE: (Actor.BOT, Human.NO), Says.ME: (Actor.SENDER, Human.NO),
}  # fmt: skip


def without_word(verdict: Verdict, actor: Actor, human: Human) -> Verdict:
    """A verdict by rules alone; `actor` and `human` as they found."""
    return verdict._replace(actor=actor, human=human, evidence=tuple(e for e in verdict.evidence if e.rule != "said"))


class Raw(msgspec.Struct, frozen=True, cache_hash=True):
    """What re-judging needs: the facts of a request that are not its own (no address, no token). Equal clients share one."""

    agent: str | None
    method: str
    headers: tuple[tuple[str, str], ...]
    """Lower-case names and values of the headers that tell something, in the order they came."""
    asn: int | None
    network: tuple[str, ...]
    """Tags of the network: google_proxy, apple_egress, ..."""
    country: str | None = None
    """Two letters, where the address told it."""
    city: City | None = None
