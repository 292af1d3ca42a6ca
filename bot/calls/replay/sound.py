"""The caller's audio on a tape: which of its ticks some samples are made of, and how loud."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from bot.audio.frame import FRAME_SAMPLES, Frame, Samples
from bot.calls.tape import print_of


class Sound:
    """All frames of the caller, numbered by tick from 0."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._weights = [_loudness(frame) for frame in frames]
        self._ticks: dict[int, list[int]] = {}  # by print; a frame may come twice, silence will
        for tick, frame in enumerate(frames):
            self._ticks.setdefault(print_of(frame), []).append(tick)

    def cover(self, samples: Samples, before: int) -> frozenset[int]:
        """The ticks these samples were taken from, all of them before that one."""
        pieces = range(0, len(samples), FRAME_SAMPLES)
        prints = [print_of(samples[at : at + FRAME_SAMPLES]) for at in pieces]
        return self.cover_of_prints(prints, before)

    def cover_of_prints(self, prints: Sequence[int], before: int) -> frozenset[int]:
        """The same of samples of which only the prints are known.

        From the end on: what was said last was said just now, should a frame have come before.
        """
        found: set[int] = set()
        for each in reversed(prints):
            ticks = self._ticks.get(each, [])
            earlier = bisect_left(ticks, before)
            if earlier:  # else no frame of the caller: trimmed, or changed on its way
                before = ticks[earlier - 1]
                found.add(before)
        return frozenset(found)

    def weight(self, ticks: Iterable[int]) -> float:
        """How much sound is in these ticks: speech counts, the silence around it hardly does."""
        return sum(self._weights[tick] for tick in ticks)

    def overlap(self, one: frozenset[int], other: frozenset[int]) -> float:
        """How far two covers are the same sound, 0 to 1."""
        whole = self.weight(one | other)
        return self.weight(one & other) / whole if whole else 0.0

    def share(self, part: frozenset[int], whole: frozenset[int]) -> float:
        """How much of `whole` is in `part`, 0 to 1."""
        weight = self.weight(whole)
        return self.weight(part & whole) / weight if weight else 0.0


def _loudness(frame: Frame) -> float:
    wide = frame.astype(np.float64)
    return float(np.sqrt(np.mean(wide * wide)))
