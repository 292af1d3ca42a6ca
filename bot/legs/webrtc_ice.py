"""ICE without waiting: addresses of this machine at once, those of STUN and TURN when they come.

aioice gathers everything before it lets anybody connect, up to five seconds with a server that does
not answer. Here its first gathering is told of no server; the servers are asked in the background,
and what they say is paired and told to the browser as it comes (trickle, RFC 8838).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aioice import Candidate, Connection
from aioice.ice import StunProtocol, relayed_candidate, server_reflexive_candidate
from aioice.stun import TransactionError
from aiortc import RTCIceServer
from aiortc.rtcicetransport import RTCIceGatherer, candidate_from_aioice, connection_kwargs
from aiortc.sdp import candidate_to_sdp

from bot.errors import LegError

Asked: TypeAlias = Coroutine[Any, Any, tuple[Candidate, StunProtocol | None]]

LATE_WITHIN_S = 5.0  # a server that is slower is done without


@dataclass(frozen=True, slots=True)
class IceServers:
    """Who tells us how we are seen (STUN) or lends us an address (TURN); "" for nobody."""

    stun: str = ""
    turn: str = ""
    turn_username: str = ""
    turn_password: str = field(default="", repr=False)

    def as_rtc(self) -> list[RTCIceServer]:
        servers = [RTCIceServer(urls=self.stun)] if self.stun else []
        if self.turn:
            servers.append(
                RTCIceServer(
                    urls=self.turn, username=self.turn_username, credential=self.turn_password
                )
            )
        return servers


def checked(servers: IceServers) -> IceServers:
    """The same. Raises LegError when an address cannot be read."""
    try:
        connection_kwargs(servers.as_rtc())
    except ValueError as error:
        raise LegError(f"webrtc.stun or webrtc.turn: {error}") from None
    return servers


async def late_candidates(
    gatherer: RTCIceGatherer, servers: IceServers, tell: Callable[[str], None]
) -> None:
    """Ask the servers; `tell` is called with each candidate they bring, as in SDP."""
    connection, named = gatherer._connection, connection_kwargs(servers.as_rtc())
    asked = [*_reflexive(connection, named), *_relayed(connection, named)]
    for answer in asyncio.as_completed(asked, timeout=LATE_WITHIN_S):
        try:
            candidate, protocol = await answer
        except (OSError, TimeoutError, TransactionError):
            continue  # we do without that server
        if connection._closing:
            if protocol is not None:
                await protocol.close()
            continue
        connection._local_candidates.append(candidate)
        if protocol is not None:
            connection._protocols.append(protocol)
            for remote in connection.remote_candidates:
                connection._pair_remote_candidate(remote)
            connection.sort_check_list()
        tell("candidate:" + candidate_to_sdp(candidate_from_aioice(candidate)))


def _reflexive(connection: Connection, named: dict[str, Any]) -> list[Asked]:
    """How each of our IPv4 sockets looks from outside."""
    if "stun_server" not in named:
        return []
    return [
        server_reflexive_candidate(protocol, named["stun_server"])
        for protocol in connection._protocols
        if ipaddress.ip_address(protocol.local_candidate.host).version == 4
    ]


def _relayed(connection: Connection, named: dict[str, Any]) -> list[Asked]:
    """An address at the TURN server."""
    if "turn_server" not in named:
        return []
    turn = {name: value for name, value in named.items() if name.startswith("turn_")}
    return [
        relayed_candidate(
            component=1,
            hide_related_address=False,
            protocol_factory=lambda: StunProtocol(connection),
            **turn,
        )
    ]
