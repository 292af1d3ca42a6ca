"""Whose SIP is heard: networks an admin allowed, and the servers of trunks.

One small memory answers for every packet, so a decision costs a look-up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

REMEMBERED = 4096
NOBODY = (0, 0xFFFFFFFF)  # 0.0.0.0 sends nothing


class Sources:
    """`allow` empty: everybody. Addresses are IPv4 as text."""

    def __init__(self, allow: Sequence[str], trunks: Mapping[str, Sequence[str]]) -> None:
        """`trunks`: name → its own networks; the addresses of its servers come later."""
        self._allow = [ipaddress.ip_network(each) for each in allow]
        self._networks = {
            name: [ipaddress.ip_network(each) for each in given] for name, given in trunks.items()
        }
        self._servers: dict[str, frozenset[str]] = {}
        self._known: dict[str, tuple[bool, tuple[str, ...]]] = {}

    def servers(self, trunk: str, addresses: frozenset[str]) -> bool:
        """Where a trunk's servers are now; is that news?"""
        if self._servers.get(trunk) == addresses:
            return False
        self._servers[trunk] = addresses
        self._known.clear()
        return True

    def allowed(self, address: str) -> bool:
        return self._look_up(address)[0]

    def trunks(self, address: str) -> tuple[str, ...]:
        """Names of the trunks that send from there."""
        return self._look_up(address)[1]

    def _look_up(self, address: str) -> tuple[bool, tuple[str, ...]]:
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            trunks = tuple(
                name
                for name, networks in self._networks.items()
                if address in self._servers.get(name, ()) or _within(address, networks)
            )
            allowed = not self._allow or bool(trunks) or _within(address, self._allow)
            known = self._known[address] = (allowed, trunks)
        return known

    def everybody(self) -> list[tuple[int, int]]:
        """All that is allowed as (network, mask) in host order; empty: no limit."""
        if not self._allow:
            return []
        found = [*self._allow, *(each for own in self._networks.values() for each in own)]
        pairs = {(int(n.network_address), int(n.netmask)) for n in found if n.version == 4}
        for addresses in self._servers.values():
            pairs |= {(int(ipaddress.IPv4Address(each)), 0xFFFFFFFF) for each in addresses}
        return sorted(pairs) or [NOBODY]


def _within(
    address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)
