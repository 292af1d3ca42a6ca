"""Shaping whole clips of speech: silence off their ends, soft edges."""

from __future__ import annotations

import numpy as np

from bot.audio.frame import FULL_SCALE, Samples

HOP_S = 0.005
SPEECH_DB = -54.0  # dBFS; a Piper breath before a word is about -50, its pauses below -80


def trim_silence(
    samples: Samples, rate_hz: int, *, lead_s: float, tail_s: float, speech_db: float = SPEECH_DB
) -> Samples:
    """Cut the silence before and after the speech down to `lead_s` and `tail_s` seconds.

    `samples` has shape (n,); the result is a view of it, empty when nothing in it is louder than
    `speech_db` dBFS over HOP_S. Ends that have less silence than asked for are left as they are.
    """
    hop = max(1, round(rate_hz * HOP_S))
    whole = len(samples) // hop * hop
    blocks = samples[:whole].reshape(-1, hop).astype(np.float32) / FULL_SCALE
    loud = np.flatnonzero((blocks * blocks).mean(axis=1) > 10 ** (speech_db / 10))
    if not len(loud):
        return samples[:0]
    begin = int(loud[0]) * hop - round(lead_s * rate_hz)
    end = (int(loud[-1]) + 1) * hop + round(tail_s * rate_hz)
    return samples[max(0, begin) : min(len(samples), end)]


def fade(samples: Samples, rate_hz: int, *, in_s: float, out_s: float) -> Samples:
    """A copy whose ends rise from and fall to zero, linearly, so that joints do not click."""
    shaped = samples.astype(np.float32)
    rise = min(len(shaped), round(in_s * rate_hz))
    fall = min(len(shaped), round(out_s * rate_hz))
    if rise:
        shaped[:rise] *= np.linspace(0.0, 1.0, rise, endpoint=False, dtype=np.float32)
    if fall:
        shaped[-fall:] *= np.linspace(0.0, 1.0, fall, endpoint=False, dtype=np.float32)[::-1]
    return shaped.astype(np.int16)
