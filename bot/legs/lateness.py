"""How late a clock's ticks are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

REMEMBERED = 1500  # ticks, 30 s


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the last 30 s of ticks began, in seconds; `resyncs` counts given-up gaps."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    resyncs: int = 0


def lateness_of(late_s: Collection[float], resyncs: int) -> Lateness:
    """Of these ticks."""
    late = sorted(late_s)
    if not late:
        return Lateness()
    last = len(late) - 1
    return Lateness(late[last // 2], late[int(last * 0.99)], late[last], resyncs)
