"""Free ports on loopback for a bot under test."""

from __future__ import annotations

import os
import random
import socket


def _share(ports: range) -> range:
    """This process's part: tests run in several at once, and a port is free until it is bound."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return ports[int(worker) :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]


BELOW_EPHEMERAL = _share(range(20_000, 31_500, 50))  # 32768 and above the kernel gives to others
LONG_RANGES = _share(range(6_000, 20_000, 400))  # apart, so that nothing else of a test lies in one


def _free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_given: set[int] = set()  # whoever asked for one may not have bound it yet
_given_ranges: set[int] = set()


def free_port() -> int:
    """A port that is free for UDP and TCP, and that nobody of this process was given lately."""
    while True:
        port = random.choice(BELOW_EPHEMERAL) + 49
        if len(_given) > len(BELOW_EPHEMERAL) // 2:
            _given.clear()
        if port in _given:
            continue
        _given.add(port)
        if _free(socket.SOCK_DGRAM, port) and _free(socket.SOCK_STREAM, port):
            return port


def free_udp_range(count: int = 40) -> int:
    """The first of `count` UDP ports in a row that are all free."""
    while True:
        first = random.choice(BELOW_EPHEMERAL if count < 50 else LONG_RANGES)
        if len(_given_ranges) > len(LONG_RANGES) // 2:
            _given_ranges.clear()
        if first in _given_ranges:
            continue
        _given_ranges.add(first)
        if all(_free(socket.SOCK_DGRAM, first + step) for step in range(count)):
            return first
