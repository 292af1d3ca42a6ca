"""Noise suppression of a whole utterance by the noise that was learnt from the same line.

Short-time spectral amplitude estimation (Ephraim and Malah 1985): each part of the spectrum is
scaled by how far it stands out of the noise, judged over the parts before it, so that what is left
of the noise does not tinkle. Whisper takes tinkling for words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import exp1

from bot.audio.condition.filters import Signal

WINDOW_S = 0.032
OVERLAP = 4  # windows over each sample
LEAST_NOISE_S = 0.3  # less tells nothing of a spectrum
FLOOR_DB = -30.0  # what is left of pure noise
MEMORY = 0.96  # share of the last part in the judgement of the next
LEAST_SNR = 10 ** (-25 / 10)
SILENT = 1e-12  # power; a line of zeros has no noise to divide by

Power = NDArray[np.float64]


def suppress_noise(signal: Signal, noise: Signal, rate_hz: int) -> Signal:
    """`signal` with the steady part of `noise` taken out; untouched when too little is known."""
    window = OVERLAP * round(WINDOW_S * rate_hz / OVERLAP)
    if len(noise) < LEAST_NOISE_S * rate_hz or len(signal) < window:
        return signal
    parts = spectra(signal, window)
    steady = (np.abs(spectra(noise, window)) ** 2).mean(axis=0).astype(np.float64) + SILENT
    gains = _gains(np.abs(parts.astype(np.complex128)) ** 2 / steady)
    return sound(parts * gains.astype(np.float32), window)[: len(signal)]


def _gains(over_noise: Power) -> Power:
    """The factor for each part, both (parts, frequencies); `over_noise`: power over the noise's."""
    gains = np.empty_like(over_noise)
    last = np.zeros(over_noise.shape[1])  # signal to noise of the part before, as it was left
    for part, over in enumerate(over_noise):
        snr = np.maximum(MEMORY * last + (1 - MEMORY) * np.maximum(over - 1, 0), LEAST_SNR)
        kept = snr / (1 + snr)
        gain = np.minimum(kept * np.exp(exp1(np.maximum(kept * over, 1e-6)) / 2), 1)
        last = gain * gain * over
        gains[part] = gain
    return np.maximum(gains, 10 ** (FLOOR_DB / 20))


def spectra(signal: Signal, window: int) -> NDArray[np.complex64]:
    """The spectrum of each `window` samples, OVERLAP of them over each sample, the first and the
    last with silence beside the signal: (parts, window // 2 + 1), a tone of amplitude 1 is 0.5."""
    hop = window // OVERLAP
    padded = np.pad(signal, (window - hop, window - hop + -len(signal) % hop))
    shape = _hann(window)
    parts = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * shape
    return np.asarray(np.fft.rfft(parts) / shape.sum(), np.complex64)


def sound(parts: NDArray[np.complex64], window: int) -> Signal:
    """What has these spectra: the signal again where nothing was changed, with up to a quarter of
    a window of silence after it."""
    hop = window // OVERLAP
    shape = _hann(window)
    rows = (np.fft.irfft(parts, window) * shape * shape.sum()).reshape(-1, OVERLAP, hop)
    run = np.zeros((len(rows) + OVERLAP - 1, hop))
    for late in range(OVERLAP):
        run[late : late + len(rows)] += rows[:, late]
    whole = run[OVERLAP - 1 : len(rows)].reshape(-1)  # where all OVERLAP windows lie
    return np.asarray(whole * hop / (shape**2).sum(), np.float32)


def _hann(window: int) -> NDArray[np.float32]:
    return np.hanning(window + 1)[:-1].astype(np.float32)
