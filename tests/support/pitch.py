"""The pitch of a voice by autocorrelation, frame by frame; enough to tell one voice from two."""

from __future__ import annotations

import numpy as np

HALF_S = 0.03  # half a window: three periods of the deepest voice
STEP_S = 0.01
RANGE_HZ = (40, 350)
VOICED = 0.7  # of the autocorrelation at 0
FIRST = 0.85  # of its highest peak: the first so high is the period, later ones its multiples


def track(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """F0 in Hz every STEP_S, NaN where nobody speaks or nothing hums."""
    half = int(HALF_S * rate_hz)
    window = np.hanning(2 * half)
    own = _correlation(window)
    loud = 0.5 * np.sqrt((samples.astype(np.float64) ** 2).mean())
    found = []
    for at in range(0, len(samples) - 2 * half, int(STEP_S * rate_hz)):
        frame = samples[at : at + 2 * half].astype(np.float64)
        frame -= frame.mean()
        heard = np.sqrt((frame**2).mean()) >= loud
        found.append(_pitch(_correlation(frame * window) / own, rate_hz) if heard else np.nan)
    return np.array(found)


def _correlation(frame: np.ndarray) -> np.ndarray:
    """Of a frame with itself, for shifts up to a little less than half of it."""
    size = 4 * len(frame)
    both = np.fft.irfft(np.abs(np.fft.rfft(frame, size)) ** 2)
    return both[: int(0.45 * len(frame))]


def _pitch(correlation: np.ndarray, rate_hz: int) -> float:
    shortest, longest = int(rate_hz / RANGE_HZ[1]), int(rate_hz / RANGE_HZ[0])
    here = correlation[shortest:longest] / correlation[0]
    middle = here[1:-1]
    peaks = (middle >= here[:-2]) & (middle >= here[2:]) & (middle > FIRST * here.max())
    if here.max() < VOICED or not peaks.any():
        return np.nan
    at = int(np.flatnonzero(peaks)[0]) + 1
    before, top, after = here[at - 1 : at + 2]
    return rate_hz / (shortest + at + (before - after) / 2 / (before - 2 * top + after))


def ratio(shifted: np.ndarray, original: np.ndarray, rate_hz: int) -> float:
    """How much higher is the same clause, of the same length? Median over its voiced frames.

    Raises ValueError when hardly a frame of both is voiced.
    """
    tracks = [track(each, rate_hz) for each in (shifted, original)]
    shared = min(map(len, tracks))
    ratios = tracks[0][:shared] / tracks[1][:shared]
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) < 20:
        raise ValueError(f"{len(ratios)} voiced frames")
    return float(np.median(ratios))
