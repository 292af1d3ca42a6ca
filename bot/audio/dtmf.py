"""The tones of telephone keys (ITU-T Q.23): heard in a caller's audio, and made.

Each window of 20 ms is compared with tones at the eight frequencies. What makes a key of it is that
one low and one high tone are nearly all there is, about equally loud; voices have harmonics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import FRAME_S, FULL_SCALE, Samples

LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = ("123A", "456B", "789C", "*0#D")

DETUNED = (-0.012, 0.0, 0.012)  # with these, 1.5 % off is heard and 3.5 % is not (ITU-T Q.24)
QUIET_DB = -45.0  # dBFS; quieter keys are echoes
ONLY_TONES = 0.72  # their share of the power; 4 dB of noise below them still leave as much
TWIST = 10**0.9  # 9 dB of one tone over the other
APART = 10**0.6  # 6 dB over any other tone of the same group

HOPS = 2  # windows a frame, each half new
PRESSED_WINDOWS = 3  # 40 ms of a tone, wherever it begins
RELEASED_WINDOWS = 4  # a shorter gap is a lost packet

TONE_S, GAP_S = 0.1, 0.1  # of keys that we press
TONE_DBFS = (-14.0, -12.0)  # low and high


@dataclass(frozen=True, slots=True)
class Keys:
    """What was found in a frame."""

    pressed: str  # the key that was recognised with this frame, else ""
    tone: bool  # there is a key's tone in it or the end of one, recognised or not


class KeyDetector:
    """One caller's. Fed frames of 20 ms, in order; 40 µs a frame, 5 µs while it is quiet."""

    def __init__(self, rate_hz: int) -> None:
        self._frame = round(rate_hz * FRAME_S)
        self._probes = _probes(rate_hz, self._frame)
        self._before = np.zeros(self._frame, np.float32)
        self._candidate = ""
        self._agreeing = 0
        self._down = ""  # the key that was recognised and is not yet released
        self._without = 0
        self._tone_before = False

    def hear(self, frame: Samples) -> Keys:
        """`frame`: 20 ms at the rate, shape (rate / 50,)."""
        both = np.concatenate([self._before, frame.astype(np.float32) / FULL_SCALE])
        self._before = both[self._frame :]
        pressed, tone = "", False
        for hop in range(1, HOPS + 1):
            at = hop * self._frame // HOPS
            key = self._key_in(both[at : at + self._frame])
            tone = tone or bool(key)
            pressed = self._follow(key) or pressed
        ending, self._tone_before = self._tone_before, tone
        return Keys(pressed, tone or ending)

    def _follow(self, key: str) -> str:
        """The key of the next window; what is recognised by it."""
        self._agreeing = self._agreeing + 1 if key and key == self._candidate else bool(key)
        self._candidate = key
        self._without = 0 if key and key == self._down else self._without + 1
        if self._without >= RELEASED_WINDOWS:
            self._down = ""
        if self._agreeing >= PRESSED_WINDOWS and key != self._down:
            self._down, self._without = key, 0
            return key
        return ""

    def _key_in(self, window: NDArray[np.float32]) -> str:
        power = float(np.dot(window, window)) / len(window)
        if power < 10 ** (QUIET_DB / 10):
            return ""
        parts = self._probes @ window  # cosines, then sines
        powers = (parts * parts).reshape(2, -1, len(DETUNED)).sum(axis=0).max(axis=1).tolist()
        low, high = powers[: len(LOW_HZ)], powers[len(LOW_HZ) :]
        row, column = low.index(max(low)), high.index(max(high))
        if low[row] + high[column] < ONLY_TONES * power:
            return ""
        if not 1 / TWIST < low[row] / (high[column] + 1e-12) < TWIST:
            return ""
        if sorted(low)[-2] * APART > low[row] or sorted(high)[-2] * APART > high[column]:
            return ""
        return KEYS[row][column]


def _probes(rate_hz: int, samples: int) -> NDArray[np.float32]:
    """Rows of cosines and of sines: the squares of a window's products with both are, together, the
    power of a tone in it."""
    times = np.arange(samples) / rate_hz
    hz = np.array([each * (1 + off) for each in (*LOW_HZ, *HIGH_HZ) for off in DETUNED])
    angles = 2 * np.pi * hz[:, None] * times
    waves = np.concatenate([np.cos(angles), np.sin(angles)]) * (np.sqrt(2) / samples)
    rows: NDArray[np.float32] = waves.astype(np.float32)
    return rows


def key_tones(keys: str, rate_hz: int) -> Samples:
    """The sound of `keys` one after the other, each with a gap behind it. Raises ValueError for
    what is no key."""
    times = np.arange(round(TONE_S * rate_hz)) / rate_hz
    gap = np.zeros(round(GAP_S * rate_hz))
    sounds = [gap[:0]]
    for key in keys.upper():
        sound = np.zeros(len(times))
        for hz, level_db in zip(_pair(key), TONE_DBFS, strict=True):
            sound += np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * times)
        sounds += [sound, gap]
    return (np.concatenate(sounds) * FULL_SCALE).astype(np.int16)


def _pair(key: str) -> tuple[float, float]:
    for low_hz, keys in zip(LOW_HZ, KEYS, strict=True):
        if key in keys:
            return low_hz, HIGH_HZ[keys.index(key)]
    raise ValueError(f"{key!r} is no key of a telephone.")
