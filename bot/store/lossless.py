"""Samples in fewer bytes, every bit kept.

The bus is 48 kHz, what is on it was sampled at 8 to 24 kHz: each sample is nearly told by those
before it. Differences of the n-th order leave little; which order leaves least is tried out for
each block (Shorten's fixed predictors, Robinson 1994). Low and high bytes lie apart, so that zlib
sees that the high ones are zero.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from bot.audio.frame import Samples

MAX_ORDER = 8
ZLIB_LEVEL = 6  # 3 ms a second of audio; level 9 takes 17 and gains 2 %
_HEAD = struct.Struct("<BI")  # order, number of samples


def pack(samples: Samples) -> bytes:
    """Any run of int16 samples, shape (n,), as bytes."""
    order, best = 0, samples
    least = _size(samples)
    trial = samples
    for n in range(1, MAX_ORDER + 1):
        trial = np.diff(trial, prepend=np.int16(0))  # wraps around, and back again in unpack
        if (size := _size(trial)) < least:
            order, best, least = n, trial, size
    wide = best.astype(np.int32)
    folded = ((wide << 1) ^ (wide >> 31)).astype(np.uint16)  # 0, -1, 1, -2, … → 0, 1, 2, 3, …
    planes = (folded & 0xFF).astype(np.uint8).tobytes() + (folded >> 8).astype(np.uint8).tobytes()
    return _HEAD.pack(order, len(samples)) + zlib.compress(planes, ZLIB_LEVEL)


def unpack(data: bytes) -> Samples:
    """What `pack` was given."""
    order, length = _HEAD.unpack_from(data)
    planes = np.frombuffer(zlib.decompress(data[_HEAD.size :]), np.uint8).astype(np.uint16)
    folded = planes[:length] | (planes[length:] << 8)
    samples = ((folded >> 1) ^ -(folded & 1).astype(np.uint16)).astype(np.int16)
    for _ in range(order):
        samples = np.cumsum(samples, dtype=np.int16)
    return samples


def _size(samples: Samples) -> int:
    """The smaller, the fewer bytes it will take."""
    return int(np.abs(samples.astype(np.int32)).sum())
