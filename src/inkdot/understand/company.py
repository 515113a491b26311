"""From which organisation a visit came, as far as its network tells: only where the network is an organisation's own.

Most networks are providers', and their names say who carries the visitor, not who the visitor is. So a name counts only if it
reads like an organisation and not like a provider, and if the network is not so large that it must be one. It stays a guess
("degraded"): a guest, or somebody at home through the company's tunnel, comes from there as well. No reverse name is looked
up, because that would tell a name server about visitors.
"""

from __future__ import annotations

import re

from inkdot.domain.evidence import Field, Reason, Status
from inkdot.understand.address import Networks

_PROVIDER = re.compile(
    r"(?i)telec|telef|telek|telco|telep|phon|lan\b|\blan|intercom|tel\b|-tel|mobil|wireless|wi-?fi|broadband|cable|fib(?:er|re|ra)|internet|online|commun|comunica"
    r"|carrier|connect|backbone|exchange|transit|\bisp\b|\bix\b|net\b|networks?\b|netw|\bnet|link\b|provider|provedor|host|cloud|server|servi[cdç]os?"
    r"|data ?cent|\bvps\b|\bcdn\b|\bdns\b|\bvpn\b|proxy|\bspeed|satellit|voip|vodafone|orange|swisscom|comcast|charter|verizon|at&t|akamai"
    r"|digital|\bdata\b|system|computer|software|\bit\b|tech|solution|consult|rechenzentrum|informati|\btelia|\bbell\b|\bxs4all"
)
"""Words of providers, and of those who run networks for others."""
_PUBLIC = re.compile(
    r"(?i)universi|college|school|schule|hochschul|institut|academ|hospital|klinik|clinic|minist|county|city of|state of|government"
    r"|council|federal|bundes|kanton|landes|parliament|police|museum|librar|foundation|stiftung|laborator|\bbank\b|\bbanco\b|banque|sparkasse"
    r"|insurance|versicherung|assurance"
)
"""Words of organisations that run a network for themselves."""
_LEGAL = re.compile(
    r"(?i)\b(?:gmbh|ag|se|kgaa|kg|inc|corp|corporation|co|company|llc|llp|ltd|limited|plc|s\.?a\.?|s\.?p\.?a\.?|s\.?r\.?l\.?|s\.?a\.?s\.?"
    r"|b\.?v\.?|n\.?v\.?|a/?s|ab|oyj?|a\.?s\.?|sp\. z o\.?o\.?)\.?$"
)
_MOST_ADDRESSES, _MOST_PUBLIC = 1 << 18, 1 << 23
"""IPv4 addresses above which a network carries others."""
_TAGS = {"hosting": Reason.HOSTING, "vpn": Reason.VPN, "tor": Reason.TOR, "mobile": Reason.MOBILE_NETWORK}


def company(networks: Networks, asn: int | None) -> Field:
    """The organisation behind a network number; unknown, with a reason, for everybody else's network."""
    if not asn:
        return Field(None, Status.UNKNOWN, Reason.NO_ADDRESS)
    for tag in networks.tags_of(asn):
        return Field(None, Status.UNKNOWN, _TAGS.get(tag, Reason.SHARED_GATEWAY))
    name = networks.geo.name(asn)
    if not name:
        return Field(None, Status.UNKNOWN, Reason.NO_GEO_DATA)
    size, public = networks.geo.size(asn), _PUBLIC.search(name)
    plain = public or (_LEGAL.search(name) and not _PROVIDER.search(name))
    if not plain or size > (_MOST_PUBLIC if public else _MOST_ADDRESSES):
        return Field(None, Status.UNKNOWN, Reason.PROVIDER_NETWORK)
    return Field(name, Status.DEGRADED, Reason.NETWORK_NAME)
