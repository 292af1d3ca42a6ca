"""A turn's audio is cleaned when it is noisy, a quick look and a clean line never."""

from __future__ import annotations

import numpy as np

from bot.audio.frame import BUS_HZ
from bot.audio.metrics import Quality
from bot.audio.resample import resample_clip
from bot.calls.conditioning import Conditioner
from bot.config import Conditioning
from bot.engine.actions import Transcribe
from bot.engine.inputs import Purpose

DICE = np.random.default_rng(5)


def noise(level_db: float, seconds: float = 1.5):
    sound = DICE.standard_normal(round(seconds * BUS_HZ)) * 32768 * 10 ** (level_db / 20)
    return sound.clip(-32768, 32767).astype(np.int16)


def turn(noise_db: float, *, known: bool = True) -> Transcribe:
    quality = Quality(snr_db=30.0, level_db=-20.0, flatness=0.12345, clipped=0.0)
    return Transcribe(
        3, "u3", Purpose.TURN, noise(-20), noise=noise(noise_db),
        quality=quality if known else None,
    )  # fmt: skip


def test_a_noisy_turn_is_cleaned_and_told_of():
    conditioner, action = Conditioner(Conditioning()), turn(-28)
    plain = resample_clip(action.samples, BUS_HZ, 16_000)
    assert not np.array_equal(conditioner.prepare(action, 16_000), plain)
    told = conditioner.columns(action)
    assert told["conditioning"] == "noise_suppression"
    assert abs(told["snr_db"] - 8) < 0.2
    assert told["heard_ms"] == 1500


def test_a_clean_turn_comes_as_it_is():
    conditioner, action = Conditioner(Conditioning()), turn(-60)
    plain = resample_clip(action.samples, BUS_HZ, 16_000)
    assert np.array_equal(conditioner.prepare(action, 16_000), plain)
    assert conditioner.columns(action)["conditioning"] == ""


def test_a_look_without_measurement_is_left_alone():
    conditioner, action = Conditioner(Conditioning()), turn(-28, known=False)
    assert conditioner.steps(action) == ()
    assert conditioner.columns(action) == {}


def test_no_step_is_taken_that_was_switched_off():
    action = turn(-28)
    assert Conditioner(Conditioning(steps=[])).steps(action) == ()
    assert Conditioner(Conditioning(steps=["agc", "dc_removal"])).steps(action) == (
        "dc_removal",
        "agc",
    )
