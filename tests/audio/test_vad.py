"""The speech detector on a real voice, through the telephone, in silence and in noise."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples, level_db
from bot.audio.vad import SpeechDetector
from tests.support.phone import spoken

TEXT = "Good morning, I would like to know what time you open tomorrow, please."


def noise(seconds: float, level: float, seed: int = 1) -> Samples:
    values = np.random.default_rng(seed).normal(
        0, 32768 * 10 ** (level / 20), round(seconds * BUS_HZ)
    )
    return np.clip(values, -32768, 32767).astype(np.int16)


def loud_frames(samples: Samples) -> list[bool]:
    return [level_db(frame) > -38 for frame in frames(samples)]


def frames(samples: Samples) -> list[Samples]:
    starts = range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    return [samples[at : at + FRAME_SAMPLES] for at in starts]


def heard(detector: SpeechDetector, samples: Samples) -> list[bool]:
    return [detector.hear(frame).speech for frame in frames(samples)]


def test_speech_is_heard_from_the_first_word_of_a_call() -> None:
    speech = spoken(TEXT, BUS_HZ)
    loud = loud_frames(speech)
    hits = [h for h, is_loud in zip(heard(SpeechDetector(), speech), loud, strict=True) if is_loud]
    assert sum(hits) >= 0.9 * len(hits)


def test_the_hangover_is_cut_short() -> None:
    detector = SpeechDetector()
    heard(detector, spoken(TEXT, BUS_HZ))
    assert not any(heard(detector, np.zeros(BUS_HZ, np.int16)))


def test_digital_silence_is_no_speech() -> None:
    assert not any(heard(SpeechDetector(), np.zeros(4 * BUS_HZ, np.int16)))


@pytest.mark.parametrize("level", [-60, -50, -45])
def test_steady_noise_is_learnt(level: float) -> None:
    detector = SpeechDetector()
    heard(detector, noise(4.0, level))
    assert sum(heard(detector, noise(4.0, level, seed=2))) == 0
    speech = spoken(TEXT, BUS_HZ)
    mixed = speech + noise(len(speech) / BUS_HZ, level, seed=3)[: len(speech)]
    loud = loud_frames(speech)
    hits = [h for h, is_loud in zip(heard(detector, mixed), loud, strict=True) if is_loud]
    assert sum(hits) >= 0.8 * len(hits)


def test_long_speech_does_not_become_the_floor() -> None:
    detector = SpeechDetector()
    speech = spoken(TEXT, BUS_HZ)
    first = sum(heard(detector, speech))
    for _ in range(4):
        again = sum(heard(detector, speech))
    assert again >= 0.95 * first
