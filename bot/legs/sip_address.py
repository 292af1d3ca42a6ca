"""Is a SIP address free, where is a server? Asked before anything heavy is loaded, so it imports
nothing heavy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable

from bot.errors import StartError
from bot.trunk_settings import host_port


def bindable(bind: str) -> tuple[str, int]:
    """Numeric address and free port of `bind`. Raises StartError.

    pjsip's own error names neither; asking the kernel first costs a millisecond.
    """
    host, _, port = bind.rpartition(":")
    try:
        address = socket.gethostbyname(host)
    except OSError:
        raise StartError(
            f"sip.bind {bind}: {host} is no IPv4 address. Use one of this machine or 0.0.0.0."
        ) from None
    for _ in range(20):
        try:
            return address, _probe(address, int(port))
        except OSError as error:
            if int(port):
                raise StartError(
                    f"sip.bind {bind}: {error.strerror}. Stop the program that holds the port, "
                    "or change sip.bind."
                ) from None
    raise StartError(f"sip.bind {bind}: no port is free for both UDP and TCP.")


def _probe(address: str, port: int) -> int:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.bind((address, port))
        chosen = int(udp.getsockname()[1])
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((address, chosen))
        tcp.listen(1)  # with SO_REUSEADDR only listening meets another listener
        return chosen


async def addresses_of(servers: Iterable[str]) -> frozenset[str]:
    """IPv4 addresses of hosts with or without a port; nothing for a host that has none."""
    found: set[str] = set()
    for host in {host_port(server)[0] for server in servers}:
        with contextlib.suppress(OSError):
            told = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET)
            found |= {str(each[4][0]) for each in told}
    return frozenset(found)
