"""Circuits: a provider that fails again and again is left alone for a while.

closed ──failures in a row, or many within the window──▶ open ──cool-down──▶ half open
  ▲                                                        ▲                    │ one probe
  └────────────────────── the probe succeeds ──────────────┼────────────────────┤
                                                           └── the probe fails ──┘ longer cool-down

A circuit has no clock: `now` is passed in, seconds that never go back. All calls of a process
share one per provider, so that one caller's wait spares the others theirs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class CircuitSettings:
    """When a circuit opens, and for how long."""

    in_a_row: int = 3
    within: int = 6  # failures within `window_s`, with successes between them
    window_s: float = 60.0
    cool_down_s: float = 5.0  # a worker that died is back sooner than that
    longest_cool_down_s: float = 60.0  # each probe that fails doubles it, up to here


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to ask once. Whoever holds it tells the circuit how that went."""

    epoch: int
    probe: bool


class Circuit:
    """Of one provider."""

    def __init__(self, settings: CircuitSettings | None = None) -> None:
        self._settings = settings or CircuitSettings()
        self._epoch = 0  # counts openings and closings: what was asked before them says nothing
        self._opened_at: float | None = None
        self._cool_down_s = self._settings.cool_down_s
        self._probing = False
        self._in_a_row = 0
        self._failed_at: deque[float] = deque(maxlen=self._settings.within)

    def state(self, now: float) -> CircuitState:
        if self._opened_at is None:
            return CircuitState.CLOSED
        cooled = now - self._opened_at >= self._cool_down_s
        return CircuitState.HALF_OPEN if cooled else CircuitState.OPEN

    def ask(self, now: float) -> Permit | None:
        """May the provider be asked? None: it is to be left alone, or is being probed."""
        match self.state(now):
            case CircuitState.CLOSED:
                return Permit(self._epoch, probe=False)
            case CircuitState.HALF_OPEN if not self._probing:
                self._probing = True
                return Permit(self._epoch, probe=True)
        return None

    def succeeded(self, permit: Permit, now: float) -> None:
        if permit.epoch != self._epoch:
            return
        self._in_a_row = 0
        if permit.probe:
            self._turn(opened_at=None)
            self._cool_down_s = self._settings.cool_down_s

    def failed(self, permit: Permit, now: float) -> None:
        if permit.epoch != self._epoch:
            return
        if permit.probe:
            self._cool_down_s = min(2 * self._cool_down_s, self._settings.longest_cool_down_s)
            self._turn(opened_at=now)
            return
        self._in_a_row += 1
        self._failed_at.append(now)
        if self._in_a_row >= self._settings.in_a_row or self._often(now):
            self._turn(opened_at=now)

    def let_go(self, permit: Permit) -> None:
        """Nobody wants the answer any more, or it says nothing about the provider."""
        if permit.epoch == self._epoch and permit.probe:
            self._probing = False

    def _often(self, now: float) -> bool:
        full = len(self._failed_at) == self._settings.within
        return full and now - self._failed_at[0] <= self._settings.window_s

    def _turn(self, opened_at: float | None) -> None:
        self._epoch += 1
        self._opened_at = opened_at
        self._probing = False
        self._in_a_row = 0
        self._failed_at.clear()


class Circuits:
    """The circuits of one process, by what the provider does and its name."""

    def __init__(self, settings: CircuitSettings | None = None) -> None:
        self._settings = settings
        self._circuits: dict[tuple[str, str], Circuit] = {}

    def of(self, kind: str, name: str) -> Circuit:
        return self._circuits.setdefault((kind, name), Circuit(self._settings))
