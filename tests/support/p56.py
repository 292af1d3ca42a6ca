"""Active speech level by ITU-T P.56 (03/2011), method B, written down from the recommendation.

An own implementation, sample by sample, so that what the bot does to levels is not measured with
the bot's own ruler.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

SMOOTHING_S = 0.03
HANGOVER_S = 0.2
MARGIN_DB = 15.9
STEPS = 15


def active_level_db(samples: np.ndarray, rate_hz: int) -> float:
    """Active level in dBFS (a full-scale square wave is 0) of int16 `samples`, shape (n,).

    Raises ValueError when no level stands MARGIN_DB over any of the thresholds.
    """
    sound = samples.astype(np.float64) / 32768
    g = np.exp(-1 / (rate_hz * SMOOTHING_S))
    pole = ([1 - g], [1, -g])
    envelope = lfilter(*pole, lfilter(*pole, np.abs(sound)))
    hangover = round(HANGOVER_S * rate_hz)
    energy = float((sound**2).sum())
    positions = np.arange(len(sound))
    above_margin = None
    for step in range(STEPS, -1, -1):
        threshold = 2.0**-step
        last = np.maximum.accumulate(np.where(envelope >= threshold, positions, -hangover - 1))
        active = int((positions - last <= hangover).sum())
        if not active:
            break
        level = 10 * np.log10(energy / active)
        margin = level - 20 * np.log10(threshold)
        if margin <= MARGIN_DB:
            if above_margin is None:
                return float(level)
            lower, excess = above_margin
            share = (excess - MARGIN_DB) / (excess - margin)
            return float(lower + share * (level - lower))
        above_margin = (level, margin)
    raise ValueError("no active level")
