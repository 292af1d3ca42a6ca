"""Calls whose far side has gone without a word: no packet of them comes any more.

pjsip tells nobody that RTP has stopped, so its counters are looked at once a second. Where a caller
is silent on purpose (hold, a one-way stream) nothing is expected of them.
"""

from __future__ import annotations

LOOK_S = 1.0


class Watchdog:
    """One call's. `timeout_s` without a packet is too long; 0: never."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._seen: int | None = None
        self._since = 0.0

    def gone(self, packets: int | None, now: float) -> bool:
        """`packets` came so far, RTP and RTCP; None while none are expected. A new stream counts
        anew, which is a change as well."""
        if packets is None or packets != self._seen:
            self._seen, self._since = packets, now
            return False
        if not 0 < self._timeout_s <= now - self._since:
            return False
        self._since = now
        return True


class Looks:
    """True once every LOOK_S."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self, now: float) -> bool:
        if now < self._next:
            return False
        self._next = now + LOOK_S
        return True
