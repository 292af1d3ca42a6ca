"""The steps that change the tone: DC removal, high-pass, low-pass, speech-band emphasis.

The utterance is whole, so a filter is a gain over its spectrum and moves nothing in time. scipy
has such filters, but to import scipy.signal takes 2 s of processor and 48 MB at the bot's start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Signal: TypeAlias = NDArray[np.float32]
"""Mono audio of shape (n,), full scale 1."""
Gain: TypeAlias = NDArray[np.floating]
"""A factor per frequency."""

HIGH_PASS_HZ = 100.0  # hum, rumble and breath; the lowest voices begin at 80, their words higher
LOW_PASS_HZ = 7000.0  # what a wide-band line carries
SPEECH_BAND_HZ = (800.0, 3400.0)  # where consonants are told apart
EMPHASIS_DB = 3.0
ORDER = 2  # of a filter that is run twice
SHORTEST = 64  # samples; less is no utterance
MARGIN_S = 0.05  # mirrored on at both ends: longer than any of the filters rings


def remove_dc(signal: Signal) -> Signal:
    """Less its mean: an offset of a bad converter."""
    return (signal - signal.mean()).astype(np.float32) if len(signal) else signal


def high_pass(signal: Signal, rate_hz: int) -> Signal:
    """Without what lies below the voice."""
    return _shaped(signal, rate_hz, lambda hz: 1 - _below(hz, HIGH_PASS_HZ, rate_hz))


def low_pass(signal: Signal, rate_hz: int) -> Signal:
    """Without what lies above the voice; a rate that cannot carry it is left alone."""
    if rate_hz / 2 <= LOW_PASS_HZ:
        return signal
    return _shaped(signal, rate_hz, lambda hz: _below(hz, LOW_PASS_HZ, rate_hz))


def emphasise_speech(signal: Signal, rate_hz: int) -> Signal:
    """The band of the consonants raised by EMPHASIS_DB."""
    low_hz, high_hz = SPEECH_BAND_HZ
    high_hz = min(high_hz, 0.45 * rate_hz)
    more = 10 ** (EMPHASIS_DB / 20) - 1

    def gain(hz: Gain) -> Gain:
        return 1 + more * _below(hz, high_hz, rate_hz) * (1 - _below(hz, low_hz, rate_hz))

    return _shaped(signal, rate_hz, gain)


def _below(hz: Gain, edge_hz: float, rate_hz: int) -> Gain:
    """What a digital Butterworth low-pass lets through that is run forwards and backwards: half of
    the amplitude at its edge. The tangent is the bilinear transform."""
    ratio = np.tan(np.pi * hz / rate_hz) / np.tan(np.pi * edge_hz / rate_hz)
    return np.asarray(1 / (1 + ratio ** (2 * ORDER)))


def _shaped(signal: Signal, rate_hz: int, gain: Callable[[Gain], Gain]) -> Signal:
    if len(signal) < SHORTEST:
        return signal
    margin = min(round(MARGIN_S * rate_hz), len(signal) - 1)
    wide = np.pad(signal, margin, "reflect", reflect_type="odd")
    spectrum = np.fft.rfft(wide) * gain(np.fft.rfftfreq(len(wide), 1 / rate_hz))
    return np.fft.irfft(spectrum, len(wide))[margin:-margin].astype(np.float32)
