"""Free ports on loopback for a bot under test."""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator


def _in_turn(ports: range) -> Iterator[int]:
    """This process's part, each once before the first again: tests run in several processes at
    once, and a port may be named long before it is bound."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    share = list(ports[int(worker) :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))])
    random.shuffle(share)
    return itertools.cycle(share)


LONG, SHORT = 400, 50
_long_ranges = _in_turn(range(6_000, 20_000, LONG))
_short_ranges = _in_turn(range(20_000, 28_000, SHORT))
_ports = _in_turn(range(28_000, 32_700, 4))  # apart, as some programs take the next one, too
# From 32768 on the kernel gives them to others.


def _free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that is free for UDP and TCP, and that nobody of this process was given lately."""
    return next(
        port
        for port in _ports
        if _free(socket.SOCK_DGRAM, port) and _free(socket.SOCK_STREAM, port)
    )


def free_udp_range(count: int = 40) -> int:
    """The first of `count` UDP ports in a row, at most LONG, that are all free."""
    return next(
        first
        for first in (_short_ranges if count <= SHORT else _long_ranges)
        if all(_free(socket.SOCK_DGRAM, first + step) for step in range(count))
    )
