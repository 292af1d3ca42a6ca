"""The steps that change the tone: DC removal, high-pass, low-pass, speech-band emphasis.

Filters run forwards and backwards, so that nothing is moved in time; the utterance is whole.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

Signal: TypeAlias = NDArray[np.float32]
"""Mono audio of shape (n,), full scale 1."""

HIGH_PASS_HZ = 100.0  # hum, rumble and breath; the lowest voices begin at 80, their words higher
LOW_PASS_HZ = 7000.0  # what a wide-band line carries
SPEECH_BAND_HZ = (800.0, 3400.0)  # where consonants are told apart
EMPHASIS_DB = 3.0
ORDER = 2  # of a filter that is run twice
SHORTEST = 64  # samples; less is no utterance, and too short for filtering backwards


def remove_dc(signal: Signal) -> Signal:
    """Less its mean: an offset of a bad converter."""
    return (signal - signal.mean()).astype(np.float32) if len(signal) else signal


def high_pass(signal: Signal, rate_hz: int) -> Signal:
    """Without what lies below the voice."""
    return _filtered(signal, rate_hz, HIGH_PASS_HZ, "highpass")


def low_pass(signal: Signal, rate_hz: int) -> Signal:
    """Without what lies above the voice; a rate that cannot carry it is left alone."""
    if rate_hz / 2 <= LOW_PASS_HZ:
        return signal
    return _filtered(signal, rate_hz, LOW_PASS_HZ, "lowpass")


def emphasise_speech(signal: Signal, rate_hz: int) -> Signal:
    """The band of the consonants raised by EMPHASIS_DB."""
    low_hz, high_hz = SPEECH_BAND_HZ
    band = _filtered(signal, rate_hz, (low_hz, min(high_hz, 0.45 * rate_hz)), "bandpass")
    return signal + band * np.float32(10 ** (EMPHASIS_DB / 20) - 1) if len(band) else signal


def _filtered(
    signal: Signal, rate_hz: int, edge_hz: float | tuple[float, float], kind: str
) -> Signal:
    if len(signal) < SHORTEST:
        return signal
    sections = butter(ORDER, edge_hz, kind, fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sections, signal), np.float32)
