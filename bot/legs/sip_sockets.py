"""Sockets kept within what this build of pjsip survives.

A select loop of it holds 64 sockets; there is one for SIP and one for RTP. It keeps an idle TCP
connection for ten minutes and counts a closed socket for another half second. With sixty callers
over TCP no further one is accepted, and forty calls refused within a second abort the process.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from bot.legs.sip_call import guarded

CLOSING_S = 0.6  # PJ_IOQUEUE_KEY_FREE_DELAY and some
CONNECTIONS = 12  # TCP, kept open
CONNECTIONS_AT_ONCE = 30  # accepted within CLOSING_S
CALLS_AT_ONCE = 20  # begun within CLOSING_S, two sockets each

GONE = frozenset(
    {pj.PJSIP_TP_STATE_DISCONNECTED, pj.PJSIP_TP_STATE_SHUTDOWN, pj.PJSIP_TP_STATE_DESTROY}
)


class Rate:
    """How often something happened within the last CLOSING_S."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: deque[float] = deque()

    def count(self) -> None:
        self._times.append(time.monotonic())

    @property
    def exceeded(self) -> bool:
        since = time.monotonic() - CLOSING_S
        while self._times and self._times[0] < since:
            self._times.popleft()
        return len(self._times) >= self._most


class BoundedEndpoint(pj.Endpoint):  # type: ignore[misc]  # pjsua2 has no types
    """pjsua2's endpoint that knows its TCP connections, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Before libCreate: connections of an earlier life are dangling pointers now."""
        self.account_of: Callable[[str, str], int | None] = lambda *_: None
        self._connections: OrderedDict[int, Any] = OrderedDict()
        self._accepted = Rate(CONNECTIONS_AT_ONCE)

    @guarded
    def onSelectAccount(self, prm: pj.OnSelectAccountParam) -> None:
        """pjsua goes by the Request-URI alone, where a trunk that does not register has no name."""
        account = self.account_of(str(prm.rdata.srcAddress), str(prm.rdata.wholeMsg))
        if account is not None:
            prm.accountIndex = account

    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:
        handle = int(prm.hnd)
        if prm.state in GONE:
            self._connections.pop(handle, None)
        elif str(prm.type).startswith("TCP"):
            self._connections[handle] = prm.hnd
            self._accepted.count()

    def poll(self, ms: int) -> None:
        """Handle events; in a flood of connections none are accepted for a moment.

        The oldest connections beyond CONNECTIONS are closed, those in use when their
        transaction is over. A phone whose call outlives its connection opens a new one.
        """
        if self._accepted.exceeded:
            time.sleep(ms / 1000)
        else:
            self.libHandleEvents(ms)
        while len(self._connections) > CONNECTIONS:
            _, oldest = self._connections.popitem(last=False)
            self.transportShutdown(oldest)
