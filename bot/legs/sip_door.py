"""Who is heard at all: sources that are allowed, and none that floods.

What is to be answered with silence is dropped by the kernel. The door within pjsip decides the same
once more, for 403 and for machines whose kernel has no such filter.
"""

from __future__ import annotations

import time

import structlog

from bot.legs.sip_filter import KernelFilter
from bot.legs.sip_flood import Blocked, Floods
from bot.legs.sip_gate import DROP, PASS
from bot.legs.sip_sources import Sources

FORBIDDEN = 403
LOOK_S = 1.0  # whose time without hearing is over?
log = structlog.get_logger(__name__)


class Door:
    """Used on the SIP thread. `silence`: strangers get no answer, else 403."""

    def __init__(
        self, sources: Sources, floods: Floods, kernel: KernelFilter, *, silence: bool
    ) -> None:
        self._sources, self._floods, self._kernel = sources, floods, kernel
        self._silence = silence
        self._changed = True
        self._looked = 0.0
        self._blocked: frozenset[Blocked] = frozenset()

    def verdict(self, address: str, port: int) -> int:
        """See `sip_gate.Door`."""
        if self._sources.trunks(address):
            return PASS  # never blocked: its address is easily forged, and its calls are wanted
        over = self._floods.too_many(address, port, time.monotonic())
        self._changed = self._changed or over
        if over:
            return DROP
        if self._sources.allowed(address):
            return PASS
        return DROP if self._silence else FORBIDDEN

    def servers(self, trunk: str, addresses: frozenset[str]) -> None:
        """Where a trunk's servers are now."""
        self._changed = self._sources.servers(trunk, addresses) or self._changed

    def poll(self) -> frozenset[Blocked]:
        """Tell the kernel what has changed; who is not heard from now on."""
        now = time.monotonic()
        if not self._changed and now - self._looked < LOOK_S:
            return frozenset()
        self._changed, self._looked = False, now
        blocked = self._floods.blocked(now)
        new = frozenset(blocked) - self._blocked
        if new:
            log.warning("flood: its sender is not heard for a while", senders=len(blocked))
        self._blocked = frozenset(blocked)
        try:
            self._kernel.set(self._sources.everybody() if self._silence else [], blocked)
        except OSError as error:
            log.warning("the kernel cannot drop packets", why=error.strerror)
        return new
