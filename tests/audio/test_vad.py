"""The speech detector on a real voice, through the telephone, in silence and in noise."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples, level_db
from bot.audio.vad import APART_FRAMES, NoiseSpread, SpeechDetector
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


def test_noise_from_the_first_moment_is_known_within_a_quarter_of_a_second() -> None:
    detector = SpeechDetector()
    heard(detector, noise(0.26, -40.0))
    assert sum(heard(detector, noise(4.0, -40.0, seed=2))) == 0


def test_a_caller_who_speaks_from_the_first_moment_is_not_taken_for_noise() -> None:
    detector = SpeechDetector()
    speech = np.concatenate([spoken(TEXT, BUS_HZ)] * 2)
    loud = loud_frames(speech)
    hits = [h for h, is_loud in zip(heard(detector, speech), loud, strict=True) if is_loud]
    assert sum(hits) >= 0.9 * len(hits)


def test_what_fluctuates_is_let_through_less_than_what_hisses() -> None:
    spread, hiss = NoiseSpread(), NoiseSpread()
    dice = np.random.default_rng(1)
    for _ in range(300):
        spread.learn(float(dice.uniform(0, 10)), False)
        hiss.learn(float(dice.uniform(0, 1.5)), False)
    assert hiss.db < 1.5 and 9.0 < spread.db <= 10.0


def test_the_spread_is_not_learnt_from_speech_or_close_to_it() -> None:
    spread = NoiseSpread()
    for _ in range(100):
        spread.learn(1.0, False)
    before = spread.db
    for _ in range(300):
        spread.learn(40.0, True)
    for _ in range(APART_FRAMES):
        spread.learn(20.0, False)
    assert spread.db == before == 1.0
