"""The unit every room of the bot trades in: 20 ms of 48 kHz mono int16."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BUS_HZ = 48_000
FRAME_MS = 20
FRAME_S = FRAME_MS / 1000
FRAME_SAMPLES = BUS_HZ * FRAME_MS // 1000

Samples: TypeAlias = NDArray[np.int16]
"""Any run of mono int16 audio, shape (n,); its rate is told by whoever hands it over."""

Frame: TypeAlias = NDArray[np.int16]
"""Exactly FRAME_SAMPLES int16 samples at BUS_HZ, shape (960,)."""

FULL_SCALE = 32768.0
QUIETEST_DB = -120.0


def silence() -> Frame:
    """A fresh frame of zeros."""
    return np.zeros(FRAME_SAMPLES, np.int16)


def level_db(samples: Samples) -> float:
    """RMS level in dBFS (a full-scale square wave is 0); QUIETEST_DB for digital silence."""
    if not len(samples):
        return QUIETEST_DB
    wide = samples.astype(np.float32)
    power = float(np.dot(wide, wide)) / len(wide)
    if power <= 0.0:
        return QUIETEST_DB
    return float(max(QUIETEST_DB, 10.0 * np.log10(power / (FULL_SCALE * FULL_SCALE))))
