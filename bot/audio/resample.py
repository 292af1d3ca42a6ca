"""Between a codec's sample rate and the 48 kHz bus: live frames by FIR, whole clips by soxr.

Live audio goes through a streaming polyphase FIR of our own because `soxr.ResampleStream` holds
audio back (24-175 ms) and hands it out in bursts. A linear-phase FIR delays by a known
1.3-2.5 ms, and every 20 ms block in is a 20 ms block out. Whole clips (speech to text, voices,
recordings) have no deadline and are left to soxr.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from bot.audio.frame import BUS_HZ, Samples

Taps: TypeAlias = NDArray[np.float32]

STOP_BAND_DB = 80.0
SLICE_S = 0.1  # of a clause is brought to the bus at once: the first is heard the sooner
BANDS_HZ = {8_000: (3400.0, 4600.0), 16_000: (7000.0, 9000.0), 24_000: (10_600.0, 13_400.0)}
"""Rate → (end of the pass band, start of the stop band). The transition straddles half the rate:
what folds back lies above the pass band of telephone audio."""


@cache
def design(rate_hz: int) -> Taps:
    """The low-pass between `rate_hz` and the bus at 48 kHz, shape (taps,), gain 1 at 0 Hz.

    A sinc under a window of Kaiser (1974), whose formulas tell the length and the shape for a
    stop band: what scipy's `firwin` designs, without the 2 s it takes to import scipy.signal.
    The number of taps is a multiple of the ratio, so that every phase has equally many.
    Raises ValueError for a rate without a design.
    """
    if rate_hz not in BANDS_HZ:
        raise ValueError(f"no filter between {rate_hz} Hz and {BUS_HZ} Hz")
    ratio = BUS_HZ // rate_hz
    pass_hz, stop_hz = BANDS_HZ[rate_hz]
    needed = 1 + (STOP_BAND_DB - 7.95) / (2.285 * 2 * np.pi * (stop_hz - pass_hz) / BUS_HZ)
    count = math.ceil(needed / ratio) * ratio
    at = np.arange(count) - (count - 1) / 2
    beta = 0.1102 * (STOP_BAND_DB - 8.7)
    taps = np.sinc((pass_hz + stop_hz) / BUS_HZ * at) * np.kaiser(count, beta)
    return np.asarray(taps / taps.sum(), np.float32)


def to_int16(samples: NDArray[np.float32]) -> Samples:
    """Rounded to nearest and saturated, shape kept."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


class Upsampler:
    """A stream from `from_hz` up to the bus; keeps the tail of one block for the next."""

    def __init__(self, from_hz: int) -> None:
        taps = design(from_hz)
        self.ratio = BUS_HZ // from_hz
        self.delay_s = (len(taps) - 1) / 2 / BUS_HZ
        self._phases = [taps[phase :: self.ratio] * self.ratio for phase in range(self.ratio)]
        self._tail = np.zeros(len(self._phases[0]) - 1, np.float32)

    def process(self, samples: Samples) -> Samples:
        """`samples` (n,) at `from_hz` in, (n × ratio,) at the bus rate out."""
        run = np.concatenate((self._tail, samples), dtype=np.float32)
        self._tail = run[len(run) - len(self._tail) :]
        out = np.empty((len(samples), self.ratio), np.float32)
        for phase, taps in enumerate(self._phases):
            out[:, phase] = np.convolve(run, taps, "valid")
        return to_int16(out.reshape(-1))


class Downsampler:
    """A stream from the bus down to `to_hz`; keeps the tail of one block for the next."""

    def __init__(self, to_hz: int) -> None:
        taps = design(to_hz)
        self.ratio = BUS_HZ // to_hz
        self.delay_s = (len(taps) - 1) / 2 / BUS_HZ
        self._phases = [taps[phase :: self.ratio].copy() for phase in range(self.ratio)]
        self._tail = np.zeros(len(taps) - 1, np.float32)

    def process(self, samples: Samples) -> Samples:
        """`samples` (n,) at the bus rate in, (n / ratio,) at `to_hz` out.

        Raises ValueError when n is no multiple of the ratio.
        """
        if len(samples) % self.ratio:
            raise ValueError(f"{len(samples)} samples do not divide by {self.ratio}")
        run = np.concatenate((self._tail, samples), dtype=np.float32)
        self._tail = run[len(run) - len(self._tail) :]
        count = len(samples) // self.ratio
        out = np.zeros(count, np.float32)
        for phase, taps in enumerate(self._phases):
            start = self.ratio - 1 - phase
            branch = run[start :: self.ratio][: count + len(taps) - 1]
            out += np.convolve(branch, taps, "valid")
        return to_int16(out)


def resample_clip(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """A whole clip (n,) at `from_hz` as one at `to_hz`, without delay; for no live audio."""
    if from_hz == to_hz or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz), np.int16)


def streams(rate_hz: int) -> bool:
    """Is there a filter for live audio between this rate and the bus?"""
    return rate_hz == BUS_HZ or rate_hz in BANDS_HZ


def to_bus(from_hz: int) -> Callable[[Samples], Samples]:
    """What brings one clause of a voice to the bus, chunk after chunk.

    A voice at a rate without a filter (Piper's 22,050 Hz) comes a sentence at a time, and each
    of its chunks begins and ends in silence: those are resampled as clips.
    """
    if from_hz == BUS_HZ:
        return lambda chunk: chunk
    if from_hz in BANDS_HZ:
        return Upsampler(from_hz).process
    return lambda chunk: resample_clip(chunk, from_hz, BUS_HZ)


def slices(chunk: Samples, rate_hz: int) -> Iterator[Samples]:
    """A chunk in pieces short enough to resample between two frames.

    One at a rate without a streaming filter stays whole: it is resampled as a clip.
    """
    length = round(SLICE_S * rate_hz) if streams(rate_hz) else max(len(chunk), 1)
    for start in range(0, len(chunk), length):
        yield chunk[start : start + length]
