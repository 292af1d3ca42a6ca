"""The one clock of a web worker's calls: a tick each 20 ms in the event loop.

At each tick everything that waits to be sent leaves first, for all calls, and only then what came
is handed on: a call's work never delays another call's packets by more than one round.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from bot.audio.frame import FRAME_S
from bot.legs.lateness import REMEMBERED, Lateness, lateness_of

RESYNC_S = 0.5  # later than this, missed ticks are given up instead of made good


class Ticked(Protocol):
    """What has a place at the clock."""

    def send_tick(self) -> None: ...

    def receive_tick(self, now: float) -> None: ...


class Clock:
    """Runs while somebody has a place at it."""

    def __init__(self) -> None:
        self._legs: list[Ticked] = []
        self._task: asyncio.Task[None] | None = None
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self._resyncs = 0
        self._due = 0.0

    def open(self, leg: Ticked) -> None:
        """From the next tick on."""
        if leg not in self._legs:
            self._legs = [*self._legs, leg]
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self, leg: Ticked) -> None:
        self._legs = [each for each in self._legs if each is not leg]

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def to_next_tick(self) -> float:
        """Seconds until what is queued now leaves."""
        return min(FRAME_S, max(0.0, self._due - asyncio.get_running_loop().time()))

    @property
    def lateness(self) -> Lateness:
        return lateness_of(self._late, self._resyncs)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time()
        try:
            while self._legs:
                now = loop.time()
                late = now - self._due
                self._late.append(late)
                if late > RESYNC_S:
                    self._due += late
                    self._resyncs += 1
                self._due += FRAME_S
                for leg in self._legs:
                    leg.send_tick()
                await asyncio.sleep(0)  # the senders' turn
                for leg in self._legs:
                    leg.receive_tick(now)
                await asyncio.sleep(max(0.0, self._due - loop.time()))
        finally:
            self._task = None
