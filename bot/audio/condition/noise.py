"""Noise suppression of a whole utterance by the noise that was learnt from the same line.

Short-time spectral amplitude estimation (Ephraim and Malah 1985): each part of the spectrum is
scaled by how far it stands out of the noise, judged over the parts before it, so that what is left
of the noise does not tinkle. Whisper takes tinkling for words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import istft, stft
from scipy.special import exp1

from bot.audio.condition.filters import Signal

WINDOW_S = 0.032
LEAST_NOISE_S = 0.3  # less tells nothing of a spectrum
FLOOR_DB = -30.0  # what is left of pure noise
MEMORY = 0.96  # share of the last part in the judgement of the next
LEAST_SNR = 10 ** (-25 / 10)
SILENT = 1e-12  # power; a line of zeros has no noise to divide by

Power = NDArray[np.float64]


def suppress_noise(signal: Signal, noise: Signal, rate_hz: int) -> Signal:
    """`signal` with the steady part of `noise` taken out; untouched when too little is known."""
    window = round(WINDOW_S * rate_hz)
    if len(noise) < LEAST_NOISE_S * rate_hz or len(signal) < window:
        return signal
    spectrum = _spectrum(signal, window)
    power = np.abs(spectrum.astype(np.complex128)) ** 2
    steady = (np.abs(_spectrum(noise, window)) ** 2).mean(axis=1).astype(np.float64) + SILENT
    cleaned = istft(spectrum * _gains(power / steady[:, np.newaxis]), **_frames(window))[1]
    return np.asarray(cleaned[: len(signal)], np.float32)


def _gains(over_noise: Power) -> Power:
    """The factor for each part, both (frequencies, parts); `over_noise`: power over the noise's."""
    gains = np.empty_like(over_noise)
    last = np.zeros(len(over_noise))  # signal to noise of the part before, as it was left
    for part, over in enumerate(over_noise.T):
        snr = np.maximum(MEMORY * last + (1 - MEMORY) * np.maximum(over - 1, 0), LEAST_SNR)
        kept = snr / (1 + snr)
        gain = np.minimum(kept * np.exp(exp1(np.maximum(kept * over, 1e-6)) / 2), 1)
        last = gain * gain * over
        gains[:, part] = gain
    return np.maximum(gains, 10 ** (FLOOR_DB / 20))


def _spectrum(signal: Signal, window: int) -> NDArray[np.complex64]:
    return np.asarray(stft(signal, boundary="zeros", padded=True, **_frames(window))[2])


def _frames(window: int) -> dict[str, int]:
    return {"nperseg": window, "noverlap": window * 3 // 4}
