"""Comfort noise: the sound of a line that is up while nobody speaks."""

from __future__ import annotations

import numpy as np

from bot.audio.frame import FULL_SCALE, Samples

LOW_HZ, HIGH_HZ = 100.0, 3400.0  # what every telephone codec carries
SLOPE = 0.8  # amplitude falls with frequency to this power, 5 dB an octave as noise in a room does
SEED = 14


def comfort_noise(level_db: float, rate_hz: int, seconds: float) -> Samples:
    """Soft noise of `level_db` dBFS (RMS), shape (seconds × rate,), the same each time it is made.

    It is periodic: its end joins its beginning without a click. The spectrum falls as in a room
    (Hoth noise, IEEE 269), so that it does not hiss.
    """
    count = round(seconds * rate_hz)
    frequencies = np.fft.rfftfreq(count, 1 / rate_hz)
    within = (frequencies >= LOW_HZ) & (frequencies <= HIGH_HZ)
    phases = np.random.default_rng(SEED).uniform(0, 2 * np.pi, within.sum())
    spectrum = np.zeros(len(frequencies), np.complex128)
    spectrum[within] = frequencies[within] ** -SLOPE * np.exp(1j * phases)
    wave = np.fft.irfft(spectrum, count)
    wave *= 10 ** (level_db / 20) * FULL_SCALE / np.sqrt(np.mean(wave * wave))
    return np.round(wave).astype(np.int16)
