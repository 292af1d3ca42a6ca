"""The noise that is handed on: frames without a voice, and none beside one."""

from __future__ import annotations

import numpy as np

from bot.audio.frame import FRAME_SAMPLES
from bot.engine.background import (
    AFTER_SPEECH_FRAMES,
    BEFORE_SPEECH_FRAMES,
    KEPT_FRAMES,
    Background,
)


def frame(number: int) -> np.ndarray:
    return np.full(FRAME_SAMPLES, number, np.int16)


def numbers(background: Background) -> list[int]:
    return [int(each) for each in background.samples()[::FRAME_SAMPLES]]


def test_frames_beside_speech_are_not_taken_for_noise():
    background = Background()
    for number in range(1, 101):
        background.feed(frame(number), number in (40, 60))
    kept = [*range(1 + AFTER_SPEECH_FRAMES, 40 - BEFORE_SPEECH_FRAMES)]
    assert 39 not in numbers(background)
    assert 61 not in numbers(background)
    assert numbers(background)[: len(kept)] == kept
    assert numbers(background)[len(kept) :] == [
        *range(61 + AFTER_SPEECH_FRAMES, 101 - BEFORE_SPEECH_FRAMES)
    ]


def test_only_the_newest_are_kept():
    background = Background()
    for number in range(1, 1000):
        background.feed(frame(number), False)
    assert numbers(background) == [
        *range(1000 - BEFORE_SPEECH_FRAMES - KEPT_FRAMES, 1000 - BEFORE_SPEECH_FRAMES)
    ]


def test_frames_in_which_nothing_was_sent_tell_nothing():
    background = Background()
    for _ in range(100):
        background.feed(frame(0), False)
    assert len(background.samples()) == 0
