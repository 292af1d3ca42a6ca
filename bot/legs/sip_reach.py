"""Whom does a SIP URI name, and is anybody there? Asked before a call, because pjsip itself
tells of a closed port only after 32 s."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass

from bot.errors import LegError

KEEP_ALIVE = b"\r\n\r\n"  # RFC 5626 section 3.5.1: every SIP server ignores it
REFUSAL_S = 0.25  # "port unreachable" comes at once or not at all
CONNECT_S = 3.0
SIP_PORT = 5060

_URI = re.compile(
    r"(?P<scheme>sips?:)?(?P<user>[^@\s<>]+@)?(?P<host>[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?"
    r"(?P<rest>;[^\s<>]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes."""

    uri: str  # as pjsip wants it, "sip:" in front
    address: str  # IPv4
    port: int
    tcp: bool

    @property
    def here(self) -> bool:
        """Is it on this machine's loopback?"""
        return self.address.startswith("127.")


async def target_of(text: str) -> Target:
    """`text` as a target; "sip:" may be left out. Raises LegError saying what is wrong."""
    match = _URI.fullmatch(text.strip())
    port = int(match["port"] or SIP_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise LegError(f"{text!r} is no SIP URI. Give one like sip:1000@127.0.0.1:5060.")
    if (match["scheme"] or "").lower() == "sips:":
        raise LegError(f"{text}: calls over TLS are not supported. Use sip: instead of sips:.")
    rest = match["rest"] or ""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(match["host"], port, family=socket.AF_INET)
    except OSError:
        raise LegError(f"{text}: {match['host']} has no IPv4 address.") from None
    uri = "sip:" + text.strip()[len(match["scheme"] or "") :]
    return Target(uri, str(found[0][4][0]), port, "transport=tcp" in rest.lower())


async def reach(target: Target) -> None:
    """Raises LegError when the target's port is known to be closed."""
    closed = await (_closed_tcp(target) if target.tcp else _closed_udp(target))
    if closed:
        kind = "TCP" if target.tcp else "UDP"
        raise LegError(
            f"{target.uri}: nobody listens on {kind} {target.address}:{target.port}. "
            "Is the bot running, and is this its sip.bind?"
        )


class _Errors(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.seen = asyncio.Event()

    def error_received(self, exc: Exception) -> None:
        self.seen.set()


async def _closed_udp(target: Target) -> bool:
    """A connected socket is told of "port unreachable"; silence proves nothing."""
    loop = asyncio.get_running_loop()
    transport, errors = await loop.create_datagram_endpoint(
        _Errors, remote_addr=(target.address, target.port)
    )
    try:
        transport.sendto(KEEP_ALIVE)
        await asyncio.wait_for(errors.seen.wait(), REFUSAL_S)
        return True
    except TimeoutError:
        return False
    finally:
        transport.close()


async def _closed_tcp(target: Target) -> bool:
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(target.address, target.port), CONNECT_S
        )
    except OSError:  # TimeoutError is one
        return True
    writer.close()
    return False
