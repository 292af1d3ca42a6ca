"""Which UDP ports RTP may use, so that nobody hears a call that is not theirs.

pjmedia answers to wherever RTP comes from, as callers behind NAT need it. So a port must not be
given to a new call while the caller of an old one may still be sending to it: one who does not
know that the worker that served them was killed. Each life of a worker has a share of its own,
a share somebody sends to is passed over, and within a share a port comes back only after all
the others had their turn.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Iterator

import structlog

SHARES = 8
LISTEN_S = 0.1  # a phone sends every 20 ms
log = structlog.get_logger(__name__)


def share(first: int, count: int, life: int) -> range:
    """The ports of a worker's `life` (0, 1, …) out of `count` from `first` on; an even number,
    as RTCP lies above its RTP. The share comes back with life + SHARES."""
    size = count // SHARES // 2 * 2
    begin = first + life % SHARES * size
    return range(begin, begin + size)


def quiet_share(address: str, first: int, count: int, life: int) -> range:
    """The share of `life`, or the next one nobody sends to. Takes LISTEN_S for each it tries."""
    for passed in range(SHARES):
        ports = share(first, count, life + passed)
        if not _sent_to(address, ports):
            return ports
        log.warning("somebody still sends to RTP ports", first=ports[0], last=ports[-1])
    return share(first, count, life)


def _sent_to(address: str, ports: range) -> bool:
    """Does anything arrive on the RTP ports among `ports`?"""
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        for each in _listeners(address, ports):
            selector.register(opened.enter_context(each), selectors.EVENT_READ)
        return bool(selector.select(LISTEN_S))


def _listeners(address: str, ports: range) -> Iterator[socket.socket]:
    """A socket on each even port that is free; pjsip passes over the others by itself."""
    for port in ports[::2]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.bind((address, port))
        except OSError:
            listener.close()
        else:
            yield listener
