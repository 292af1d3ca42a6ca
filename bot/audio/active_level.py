"""How loud is a voice while it speaks? ITU-T P.56, method B, learnt block by block.

P.56 divides the energy by the time in which a smoothed envelope was over a threshold, or had been
until HANGOVER_S before; the threshold is the one that lies MARGIN_DB under the level it leads to.
Here the envelope is stepped once a block: measured on 24 clauses of Piper and espeak-ng within
0.1 dB of the recommendation stepped once a sample (tests/audio/test_active_level.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import QUIETEST_DB

BLOCK_S = 0.02
SMOOTHING_S = 0.03
HANGOVER_S = 0.2
MARGIN_DB = 15.9
STEP_DB = 2.0  # between two thresholds; the recommendation has 6 dB and interpolates
LOWEST_DB = -84.0  # under the last bit of int16 nothing speaks
MEMORY_S = 60.0  # of speech; older speech counts less, so that a voice may change

THRESHOLDS_DB = np.arange(LOWEST_DB, 0.0, STEP_DB)
_THRESHOLDS = 10 ** (THRESHOLDS_DB / 20)
_KEEP = math.exp(-BLOCK_S / SMOOTHING_S)
_HANGOVER = round(HANGOVER_S / BLOCK_S)


@dataclass(slots=True)
class VoiceLevel:
    """What is known of a voice's level; several clauses may add to it at the same time."""

    energy: float = 0.0  # sum of the blocks' mean squares, full scale 1
    active: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(THRESHOLDS_DB)))

    def add(self, power: float, active: NDArray[np.bool_]) -> None:
        """One block: its mean square, and over which thresholds it was active."""
        self.energy += power
        self.active += active
        if self.active[0] * BLOCK_S > MEMORY_S:
            self.energy /= 2
            self.active /= 2

    def measure(self) -> tuple[float, float]:
        """(active level in dBFS, a full-scale square wave being 0; seconds it was active).

        (QUIETEST_DB, 0) while nothing was said.
        """
        seen = self.active > 0
        if self.energy <= 0 or not seen.any():
            return QUIETEST_DB, 0.0
        levels = 10 * np.log10(self.energy / self.active[seen])
        over = levels - THRESHOLDS_DB[seen] - MARGIN_DB
        reached = np.flatnonzero(over <= 0)
        below = int(reached[0]) if len(reached) else len(over)
        if below in (0, len(over)):
            at = min(below, len(over) - 1)
            return float(levels[at]), float(self.active[seen][at] * BLOCK_S)
        share = over[below - 1] / (over[below - 1] - over[below])
        level = levels[below - 1] + share * (levels[below] - levels[below - 1])
        return float(level), float(self.energy / 10 ** (level / 10) * BLOCK_S)


class Envelope:
    """The envelope of one clause: which thresholds is it over, now or a moment ago?"""

    def __init__(self) -> None:
        self._once = self._twice = 0.0
        self._since = np.full(len(THRESHOLDS_DB), _HANGOVER + 1)

    def step(self, mean_abs: float) -> NDArray[np.bool_]:
        """The next block's mean magnitude, full scale 1; the answer has one flag per threshold."""
        self._once = _KEEP * self._once + (1 - _KEEP) * mean_abs
        self._twice = _KEEP * self._twice + (1 - _KEEP) * self._once
        self._since = np.where(self._twice >= _THRESHOLDS, 0, self._since + 1)
        return np.asarray(self._since <= _HANGOVER)
