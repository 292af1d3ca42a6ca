"""Comfort noise is soft, even, without clicks, and not to be taken for speech."""

import itertools

import numpy as np
import pytest

from bot.audio.comfort import comfort_noise
from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.audio.resample import Upsampler
from bot.audio.vad import SpeechDetector

RATE_HZ = 16_000
FRAME = RATE_HZ // 50


@pytest.mark.parametrize("level", [-50.0, -62.0, -70.0])
def test_its_level_is_the_one_asked_for_in_every_frame(level):
    noise = comfort_noise(level, RATE_HZ, 6.0)
    assert len(noise) == 6 * RATE_HZ
    assert level_db(noise) == pytest.approx(level, abs=0.3)
    frames = [level_db(noise[at : at + FRAME]) for at in range(0, len(noise), FRAME)]
    assert max(frames) < level + 6
    assert min(frames) > level - 7


def test_it_is_the_same_each_time_and_joins_itself():
    noise = comfort_noise(-55.0, RATE_HZ, 2.0)
    assert np.array_equal(noise, comfort_noise(-55.0, RATE_HZ, 2.0))
    steps = np.abs(np.diff(np.concatenate([noise, noise]).astype(np.int32)))
    assert steps[len(noise) - 1] <= np.percentile(steps, 99.9)


def test_it_falls_with_frequency_as_a_room_does():
    noise = comfort_noise(-50.0, RATE_HZ, 6.0).astype(np.float64)
    power = np.abs(np.fft.rfft(noise)) ** 2
    at = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)

    def density_db(low: float, high: float) -> float:
        return float(10 * np.log10(power[(at > low) & (at < high)].mean()))

    octaves = [density_db(hz, 2 * hz) for hz in (200, 400, 800, 1600)]
    assert all(3.5 < a - b < 6.5 for a, b in itertools.pairwise(octaves))
    assert density_db(4500, 7500) < octaves[-1] - 20


def test_nobody_takes_it_for_speech():
    """Another bot at the far end, before it has learnt the line's noise and after."""
    up, ears = Upsampler(RATE_HZ), SpeechDetector()
    sound = up.process(comfort_noise(-62.0, RATE_HZ, 6.0))
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    assert BUS_HZ == 3 * RATE_HZ and len(frames) == 300
    assert not any(ears.hear(frame).speech for frame in frames)
