"""The steps that change the level: gain control, peak normalisation, clip prevention."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from bot.audio.condition.filters import Signal

BLOCK_S = 0.02
TARGET_DB = -20.0  # RMS of speech, dBFS
MOST_DB = 18.0  # gain; more would raise the line's own noise to a voice
SPEECH_DB = 20.0  # blocks so far under the loudest are pauses and do not ask for gain
SMOOTH_S = 0.4  # the gain follows a speaker, not a syllable
PEAK = 0.9  # of full scale
KNEE = 0.8  # of full scale; a limiter leaves what is below untouched
SILENT = 1e-5


def control_gain(signal: Signal, rate_hz: int) -> Signal:
    """Soft and loud stretches brought to one level; pauses keep the gain of the speech beside."""
    block = round(BLOCK_S * rate_hz)
    count = len(signal) // block
    if not count:
        return signal
    blocks = signal[: count * block].reshape(count, block)
    level = 10 * np.log10((blocks.astype(np.float64) ** 2).mean(axis=1) + SILENT**2)
    loud = np.flatnonzero(level > level.max() - SPEECH_DB)
    wanted = np.clip(TARGET_DB - level[loud], -MOST_DB, MOST_DB)
    centres = (np.arange(count) + 0.5) * block
    gain_db = np.interp(centres, centres[loud], wanted)
    gain_db = uniform_filter1d(gain_db, max(1, round(SMOOTH_S / BLOCK_S)), mode="nearest")
    gain = 10 ** (np.interp(np.arange(len(signal)), centres, gain_db) / 20)
    return np.asarray(signal * gain, np.float32)


def normalise_peak(signal: Signal) -> Signal:
    """As loud as it may be: its peak at PEAK. Silence stays silence."""
    peak = float(np.abs(signal).max(initial=0.0))
    return signal if peak < SILENT else np.asarray(signal * (PEAK / peak), np.float32)


def prevent_clipping(signal: Signal) -> Signal:
    """What is beyond KNEE is bent to stay under full scale, instead of being cut off flat."""
    size = np.abs(signal)
    over = (size - KNEE) / (1 - KNEE)
    bent = np.sign(signal) * (KNEE + (1 - KNEE) * np.tanh(np.maximum(over, 0)))
    return np.asarray(np.where(size > KNEE, bent, signal), np.float32)
