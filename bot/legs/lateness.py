"""How punctual a worker's clock is; told on the pages and checked by the benchmarks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

RESYNC_S = 0.5  # later than this, missed ticks are given up instead of made good
REMEMBERED = 1500  # ticks, 30 s
LATELY = 250  # ticks, 5 s
SICK_S = 0.06  # three ticks late on average: callers hear gaps, and more of them would be worse


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the last 30 s of ticks began, in seconds; `resyncs` counts given-up gaps."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    resyncs: int = 0


class LatenessLog:
    """Written by the clock, read from any thread."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self._resyncs = 0

    def add(self, late: float) -> float:
        """A tick began `late`; the seconds the clock must leave out to be in time again."""
        self._late.append(late)
        if late <= RESYNC_S:
            return 0.0
        self._resyncs += 1
        return late

    @property
    def sick(self) -> bool:
        """Is this machine too slow for the calls it has?"""
        lately = list(self._late.copy())[-LATELY:]
        return bool(lately) and sum(lately) / LATELY > SICK_S

    @property
    def summary(self) -> Lateness:
        late = sorted(self._late.copy())
        if not late:
            return Lateness()
        last = len(late) - 1
        return Lateness(late[last // 2], late[int(last * 0.99)], late[last], self._resyncs)
