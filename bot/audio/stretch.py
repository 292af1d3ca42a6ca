"""Another pace and another pitch for a voice that has none of its own, by Rubber Band.

The library (R3 engine, formants kept, so that a higher voice is no smaller person) wants a whole
clip. A stream is cut into such clips where the voice is quiet anyway, in the stops of "t" and "k"
and between words: measured 0.3 to 0.9 s into a clause, so a reply need not be waited for.
Where to cut depends on the sound alone, not on how it is parted into chunks.

pedalboard is imported at the first clip: 7 MB that a persona with a pace and pitch of 1 and 0 does
without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import FULL_SCALE, Samples
from bot.audio.resample import to_int16
from bot.audio.shape import fade

HOP_S = 0.005
SHORTEST_S, LONGEST_S = 0.3, 1.5  # of a clip; shorter ones come out a little off in pitch
QUIET_DB = 30.0  # under the loudest hop so far
GAP_S = 0.03  # of quiet makes a cut, in its middle
EDGE_S = 0.002  # what is left of the voice in a cut does not click
DENOMINATOR = 300
"""Ratios of pitch are brought to fractions so small, which is within 0.006 %. For any other number
the library designs a filter that takes it up to 90 ms each time, instead of 6 to 13."""


def semitones(pitch: float) -> float:
    """The pitch nearest to `pitch` (semitones) that costs nothing extra."""
    ratio = Fraction(2 ** (abs(pitch) / 12)).limit_denominator(DENOMINATOR)
    return math.copysign(12 * math.log2(ratio), pitch)


def stretched(samples: Samples, rate_hz: int, speed: float, pitch: float) -> Samples:
    """A clip (n,) at `speed` times its pace, (n / speed,), and `pitch` semitones higher.

    It begins and ends at zero. Takes 10 ms, and 15 ms for each second of audio; the interpreter is
    free meanwhile.
    """
    from pedalboard import time_stretch

    sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
    made = time_stretch(
        sound, rate_hz, stretch_factor=speed, pitch_shift_in_semitones=semitones(pitch)
    )
    return fade(to_int16(made[0] * np.float32(FULL_SCALE)), rate_hz, in_s=EDGE_S, out_s=EDGE_S)


class Stretcher:
    """One clause's stream of chunks at `rate_hz`, as a stream of clips."""

    def __init__(self, rate_hz: int, speed: float, pitch: float) -> None:
        self._rate_hz, self._speed, self._pitch = rate_hz, speed, pitch
        self._hop = round(rate_hz * HOP_S)
        self._pending: Samples = np.zeros(0, np.int16)
        self._powers: list[float] = []  # of the hops of `_pending`
        self._loudest = self._quiet = 0.0  # quiet: how many hops in a row

    def feed(self, chunk: Samples) -> Iterator[Samples]:
        """What of the stream is now ready, shaped while it is taken."""
        self._pending = np.concatenate((self._pending, chunk))
        while (cut := self._cut()) is not None:
            clip = self._pending[:cut]
            self._pending = self._pending[cut:]
            self._powers = self._powers[cut // self._hop :]
            self._quiet = 0
            yield self._shaped(clip)

    def end(self) -> Iterator[Samples]:
        """The rest."""
        clip, self._pending = self._pending, self._pending[:0]
        if len(clip):
            yield self._shaped(clip)

    def _shaped(self, clip: Samples) -> Samples:
        return stretched(clip, self._rate_hz, self._speed, self._pitch)

    def _cut(self) -> int | None:
        """Where the next clip ends, in samples; None while no place for that has come in."""
        looked = len(self._powers)
        for power in _hop_powers(self._pending[looked * self._hop :], self._hop):
            self._powers.append(float(power))
            self._loudest = max(self._loudest, float(power))
            quiet = power <= self._loudest * 10 ** (-QUIET_DB / 10)
            self._quiet = self._quiet + 1 if quiet else 0
            gap = self._quiet * HOP_S >= GAP_S
            if gap and (len(self._powers) - self._quiet / 2) * HOP_S >= SHORTEST_S:
                return round(len(self._powers) - self._quiet / 2) * self._hop
            if len(self._powers) * HOP_S >= LONGEST_S:
                first = round(SHORTEST_S / HOP_S)
                return (first + int(np.argmin(self._powers[first:]))) * self._hop
        return None


def _hop_powers(samples: Samples, hop: int) -> NDArray[np.float32]:
    """Mean square of each whole hop, shape (hops,)."""
    whole = len(samples) // hop * hop
    blocks = samples[:whole].reshape(-1, hop).astype(np.float32)
    powers: NDArray[np.float32] = np.square(blocks).mean(axis=1)
    return powers
