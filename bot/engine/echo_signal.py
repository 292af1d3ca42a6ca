"""What the echo guard counts in: one direction's last samples at 8 kHz, and the way back to 48.

An echo on a telephone line has nothing above 4 kHz, so 160 samples a frame are enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import FRAME_SAMPLES, FULL_SCALE, Frame, Samples
from bot.audio.resample import design, to_int16

Signal = NDArray[np.float32]

HZ = 8000
STEP = 160  # samples a frame at HZ
RATIO = FRAME_SAMPLES // STEP
TAPS = design(HZ)
TURNS = len(TAPS) // RATIO  # taps of each of the filter's phases
LATE = len(TAPS) - RATIO  # samples at 48 kHz: down to HZ and up again
COMFORT_DB = -56.0  # noise over what is left of an echo: a transcriber stumbles over remnants


class Decimator:
    """48 kHz frames to HZ, in 11 µs: the taps' phases as one small matrix product, whose
    diagonals are then summed."""

    phases = np.ascontiguousarray(TAPS[::-1].reshape(TURNS, RATIO).T)

    def __init__(self) -> None:
        self._buffer = np.zeros(LATE + FRAME_SAMPLES, np.float32)

    def __call__(self, frame: Frame) -> Signal:
        self._buffer[:LATE] = self._buffer[FRAME_SAMPLES:]
        self._buffer[LATE:] = frame
        products = self._buffer.reshape(-1, RATIO) @ self.phases
        row, column = products.strides
        diagonals = np.ndarray((STEP, TURNS), np.float32, products, 0, (row, row + column))
        lowered: Signal = diagonals.sum(axis=1)
        return lowered


class Tape:
    """The last samples of one direction, newest at the end."""

    def __init__(self, length: int) -> None:
        self._ring = np.zeros(2 * length, np.float32)
        self._length, self._end = length, length

    def push(self, samples: Signal) -> None:
        if self._end + len(samples) > len(self._ring):
            self._ring[: self._length] = self._ring[self._end - self._length : self._end]
            self._end = self._length
        self._ring[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def last(self, count: int, ago: int = 0) -> Signal:
        """`count` samples that ended `ago` samples before the newest."""
        return self._ring[self._end - ago - count : self._end - ago]


def without_echo(frames: Sequence[Frame], echoes: Sequence[Signal | None]) -> Samples:
    """The frames in a row, less the echo that was expected in each; None: none was.

    For a transcription, now and then, not for every tick: 0.3 ms a second of audio.
    """
    samples = np.concatenate(frames)
    if all(each is None for each in echoes):
        return samples
    nothing = np.zeros(STEP, np.float32)
    echo = np.concatenate([nothing if each is None else each for each in echoes])
    echo = np.concatenate([echo, nothing])  # the filter's second half for the last frame
    raised = np.stack([np.convolve(echo, TAPS[phase::RATIO]) for phase in range(RATIO)], axis=1)
    back = (RATIO * raised).reshape(-1)[LATE : LATE + len(samples)]
    return to_int16((samples - back + _comfort(len(samples))).astype(np.float32))


def _comfort(count: int) -> NDArray[np.float64]:
    """The same hiss every time: a replay hears what the call heard."""
    return np.random.default_rng(count).normal(0, FULL_SCALE * 10 ** (COMFORT_DB / 20), count)


def level_of(signal: Signal) -> float:
    """Level in dBFS."""
    return 10 * math.log10(float(signal @ signal) / len(signal) / FULL_SCALE**2 + 1e-12)
