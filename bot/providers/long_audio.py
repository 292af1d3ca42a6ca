"""Audio longer than a model hears at once, cut at pauses. Whisper and Sarvam both hear 30 s."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bot.audio.frame import Samples

PIECE_S = 28.0
SHORTEST_S = 0.1  # too short to hold a word


def pieces(pcm: Samples, rate_hz: int) -> Iterator[Samples]:
    """`pcm` in runs of at most PIECE_S, cut where it is quietest in their last third."""
    longest, hop = round(PIECE_S * rate_hz), rate_hz // 10
    while len(pcm) > longest:
        begin = longest * 2 // 3 // hop * hop
        blocks = pcm[begin : longest // hop * hop].reshape(-1, hop).astype(np.float32)
        cut = begin + int(np.argmin((blocks * blocks).mean(axis=1))) * hop + hop // 2
        yield pcm[:cut]
        pcm = pcm[cut:]
    if len(pcm) >= SHORTEST_S * rate_hz:
        yield pcm
