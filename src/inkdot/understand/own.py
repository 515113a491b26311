"""The sender's own opens and clicks: in a browser that he called his own, or where and with what he worked in the office just before."""

from __future__ import annotations

from inkdot.domain.own_browser import ALIKE_FOR_SECONDS, OwnClients, is_own
from inkdot.domain.ping import Ping
from inkdot.domain.token import Keyring, Token
from inkdot.understand.client import agent_of
from inkdot.understand.known import Mails

_SECOND = 1_000_000  # microseconds
_ASK_AGAIN = 10 * _SECOND


class Own:
    """Says of each ping whether it is the sender's own. Asks for where people worked every ten seconds of the pings' time."""

    def __init__(self, keyring: Keyring, mails: Mails) -> None:
        self._keyring, self._mails = keyring, mails
        self._asked = -_ASK_AGAIN
        self._known = OwnClients()
        self._addresses: frozenset[bytes] = frozenset()

    def who(self, ping: Ping, token: Token, *, marked: bool) -> str:
        """`yes` by a cookie of ours, `alike` by the same address and program, empty for everybody else.

        `marked`: whether the line that comes of such a cookie is among the headers.
        """
        if marked and is_own(ping.headers, int(token.workspace)):
            return "yes"
        if not token.contact:
            return ""
        if not self._asked <= ping.time < self._asked + _ASK_AGAIN:
            self._ask(ping.time)
        if ping.address in self._addresses and self._is_alike(ping, token):
            return "alike"
        return ""

    def _ask(self, time: int) -> None:
        self._asked, now = time, time // _SECOND
        self._known = self._mails.own_clients(now - ALIKE_FOR_SECONDS, now)
        self._addresses = frozenset(address for _, address, _ in self._known.clients)

    def _is_alike(self, ping: Ping, token: Token) -> bool:
        """Not for a recipient of the same mail domain: a colleague may sit in the same room with the same program."""
        agent = agent_of(ping.headers)
        if not agent or (int(token.workspace), ping.address, agent) not in self._known.clients:
            return False
        address = self._keyring.address_of(ping.token)
        return address is not None and (int(token.workspace), address.rpartition("@")[2]) not in self._known.domains
