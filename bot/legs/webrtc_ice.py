"""How a peer connection's addresses are found: at once what is known, later what must be asked.

aioice gathers everything before it says anything, and waits five seconds for a STUN server that
is dead. So it is given no server: it gathers host addresses, which takes a millisecond. Here the
servers are asked while the call is being set up, and what they say is added to the running
connection and told to the browser. All that touches aioice's private parts is in this file.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from aioice import Candidate, Connection
from aioice.ice import (
    StunProtocol,
    get_host_addresses,
    relayed_candidate,
    server_reflexive_candidate,
)
from aioice.stun import TransactionError
from aiortc import RTCIceCandidate, RTCIceServer
from aiortc.rtcicetransport import candidate_from_aioice, connection_kwargs

from bot.errors import StartError
from bot.legs.webrtc_limits import Inbox

log = structlog.get_logger(__name__)

GATHER_S = 10.0  # for an answer of a STUN or TURN server
NEEDED = (
    "_check_list", "_check_list_done", "_closing", "_local_candidates", "_local_candidates_end",
    "_local_candidates_start", "_pair_remote_candidate", "_protocols", "_queue",
    "_remote_candidates", "get_component_candidates", "request_received", "sort_check_list",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IceServers:
    """Servers that tell us our outer address (STUN) or carry the audio (TURN); "" for none."""

    stun: str = ""
    turn: str = ""
    turn_username: str = ""
    turn_password: str = field(default="", repr=False)


def parsed_servers(servers: IceServers) -> dict[str, Any]:
    """As aioice takes them. Raises StartError naming the one that is wrong."""
    known: dict[str, Any] = {}
    for name, url in (("stun", servers.stun), ("turn", servers.turn)):
        if not url:
            continue
        try:
            known |= connection_kwargs(
                [RTCIceServer(url, servers.turn_username, servers.turn_password)]
            )
        except ValueError:
            known.pop(f"{name}_server", None)
        if f"{name}_server" not in known:
            raise StartError(f"webrtc.{name}: {url!r} is no {name}: address")
    return known


def unfit(connection: Connection) -> list[str]:
    """What this aioice lacks of what is used here."""
    return [name for name in NEEDED if not hasattr(connection, name)]


def prepare(connection: Connection) -> None:
    """Before it gathers: host addresses only, and no more memory than a call needs."""
    connection._queue = Inbox()
    vars(connection)["gather_candidates"] = partial(_gather_hosts, connection)


async def _gather_hosts(connection: Connection) -> None:
    if connection._local_candidates_start:
        return
    connection._local_candidates_start = True
    addresses = get_host_addresses(use_ipv4=True, use_ipv6=True) or ["127.0.0.1"]
    connection._local_candidates += await connection.get_component_candidates(1, addresses)
    connection._local_candidates_end = True


async def gather_late(
    connection: Connection, servers: dict[str, Any], found: Callable[[RTCIceCandidate], None]
) -> None:
    """Ask the servers, and tell each address as it is found."""
    jobs: list[Coroutine[Any, Any, tuple[Candidate, StunProtocol | None]]] = []
    if "stun_server" in servers:
        jobs += [
            server_reflexive_candidate(protocol, servers["stun_server"])
            for protocol in connection._protocols
            if ipaddress.ip_address(protocol.local_candidate.host).version == 4
        ]
    if "turn_server" in servers:
        named = {key: value for key, value in servers.items() if key.startswith("turn_")}
        jobs.append(
            relayed_candidate(
                component=1,
                hide_related_address=False,
                protocol_factory=lambda: StunProtocol(connection),
                **named,
            )
        )
    await asyncio.gather(*(_ask(connection, job, found) for job in jobs))


async def _ask(
    connection: Connection,
    job: Coroutine[Any, Any, tuple[Candidate, StunProtocol | None]],
    found: Callable[[RTCIceCandidate], None],
) -> None:
    try:
        candidate, relay = await asyncio.wait_for(job, GATHER_S)
    except (OSError, TimeoutError, TransactionError, ValueError, LookupError) as error:
        log.info("no address from a stun or turn server", error=type(error).__name__)
        return
    if connection._closing or connection._check_list_done:  # a way was found without it
        if relay is not None:
            await relay.close()
        return
    connection._local_candidates.append(candidate)
    if relay is not None:
        connection._protocols.append(relay)
        for remote in connection._remote_candidates:
            connection._pair_remote_candidate(remote)
        connection.sort_check_list()
    found(candidate_from_aioice(candidate))


def watch(connection: Connection, heard: Callable[[], None]) -> None:
    """Call `heard` for each connectivity check of the browser's: it is still there."""
    answer = connection.request_received

    def noted(message: Any, address: tuple[str, int], protocol: StunProtocol) -> None:
        heard()
        answer(message, address, protocol)

    vars(connection)["request_received"] = noted
