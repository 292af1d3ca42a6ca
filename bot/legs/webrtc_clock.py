"""The 20 ms clock of all browser legs, in the event loop.

At each tick first all that is due goes out and then, once the senders have had their turn, each
leg gets its inbound frame: decoding never delays a packet.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from bot.audio.frame import FRAME_S
from bot.legs.lateness import Lateness, LatenessLog


class Ticking(Protocol):
    """What a leg does per tick."""

    def send_frame(self) -> None:
        """Hand the next outgoing frame to the sender."""

    def take_frame(self, now: float) -> None:
        """Release the inbound frame of the tick that began at `now`."""


class LoopClock:
    """Runs while there is a leg. Deadlines are absolute, so lateness never adds up."""

    def __init__(self) -> None:
        self._legs: tuple[Ticking, ...] = ()
        self._log = LatenessLog()
        self._due = 0.0
        self._next: asyncio.TimerHandle | None = None

    @property
    def lateness(self) -> Lateness:
        return self._log.summary

    def open(self, leg: Ticking) -> None:
        """From the next tick on `leg` gets its frames."""
        self._legs = (*self._legs, leg)
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._due = loop.time() + FRAME_S
            self._next = loop.call_at(self._due, self._tick, loop)

    def close(self, leg: Ticking) -> None:
        self._legs = tuple(each for each in self._legs if each is not leg)
        if not self._legs and self._next is not None:
            self._next.cancel()
            self._next = None

    def to_next_tick(self) -> float:
        """Seconds until what is queued now leaves."""
        if self._next is None:
            return FRAME_S
        return min(FRAME_S, max(0.0, self._due - asyncio.get_running_loop().time()))

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._due += FRAME_S + self._log.add(now - self._due)
        self._next = loop.call_at(self._due, self._tick, loop)
        for leg in self._legs:
            leg.send_frame()
        loop.call_soon(self._release, now)  # behind the senders that have just been woken

    def _release(self, now: float) -> None:
        for leg in self._legs:
            leg.take_frame(now)
