"""What the line sounds like when nobody speaks: the last such frames, for the conditioning.

Keeping them is all that is done here, a few steps of a deque per tick; what they tell of the noise
is worked out once an utterance, away from the ticks.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from bot.audio.frame import FRAME_MS, Frame, Samples

KEPT_FRAMES = 75  # 1.5 s: enough for a spectrum, young enough for a noise that changes
AFTER_SPEECH_FRAMES = 10  # the tail of a word, or a weak consonant
BEFORE_SPEECH_FRAMES = 10  # a first syllable that the detector did not notice


class Background:
    """Fed every frame of the call."""

    def __init__(self) -> None:
        self._kept: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        self._waiting: deque[Frame] = deque()  # not kept until it is known that no speech followed
        self._apart = 0  # frames since speech, or since our own voice came back

    def feed(self, frame: Frame, voices: bool) -> None:
        """Take in a frame; `voices`: the caller speaks in it, or our own echo may be in it."""
        if voices:
            self._waiting.clear()
            self._apart = 0
            return
        self._apart += 1
        if self._apart <= AFTER_SPEECH_FRAMES:
            return
        self._waiting.append(frame)
        if len(self._waiting) > BEFORE_SPEECH_FRAMES:
            self._kept.append(self._waiting.popleft())

    def samples(self) -> Samples:
        """The frames in a row, at BUS_HZ, shape (n,), possibly empty.

        Frames of zeros are left out: nothing was sent in them, so they tell nothing of the noise.
        """
        told = [frame for frame in self._kept if frame.any()]
        return np.concatenate(told) if told else np.zeros(0, np.int16)


assert FRAME_MS == 20, "the counts of frames above are of 20 ms"
