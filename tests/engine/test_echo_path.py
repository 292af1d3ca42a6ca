"""The way our voice takes back, as a filter; and its echo taken out of what is transcribed."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.audio.resample import design
from bot.engine.echo_path import SPAN, EchoPath
from bot.engine.echo_signal import COMFORT_DB, HZ, STEP, Decimator, level_of, without_echo

SECONDS = 8
T = np.arange(SECONDS * HZ) / HZ
DICE = np.random.default_rng(3)
SOUNDS = {
    "hiss": DICE.normal(0, 2000, len(T)),
    "tone": 3000 * np.sin(2 * np.pi * 1050 * T),
    "keys": 3000 * (np.sin(2 * np.pi * 697 * T) + np.sin(2 * np.pi * 1209 * T)),
    "sweep": 3000 * np.sin(2 * np.pi * (200 * T + 150 * T**2)),
    "the same frame again and again": np.tile(DICE.normal(0, 1000, STEP), len(T) // STEP),
    "silence": np.zeros(len(T)),
}
ROOM = np.concatenate([np.zeros(30), DICE.normal(0, 1, 120) * np.exp(-np.arange(120) / 24)])
ROOM *= 0.25 / np.sqrt((ROOM**2).sum())  # 12 dB


def followed(ours: np.ndarray, theirs: np.ndarray, path: EchoPath | None = None) -> list[float]:
    """What is left of each frame, relative to what was heard, in dB."""
    path = path or EchoPath(0)
    ours, theirs = ours.astype(np.float32), theirs.astype(np.float32)
    left = []
    for end in range(SPAN + STEP - SPAN % STEP, len(ours) + 1, STEP):
        heard = theirs[end - STEP : end]
        echo = path.follow(ours[end - SPAN : end], heard)
        left.append(level_of(heard - echo) - level_of(heard))
    return left


def back(ours: np.ndarray) -> np.ndarray:
    return np.convolve(ours, ROOM)[: len(ours)]


def test_what_comes_back_is_taken_away_within_a_second() -> None:
    noise = np.random.default_rng(4).normal(0, 10, len(T))
    left = followed(SOUNDS["hiss"], back(SOUNDS["hiss"]) + noise)
    assert np.mean(left[50:100]) < -20 and np.mean(left[-50:]) < -25


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("echo", [True, False])
def test_no_sound_makes_the_filter_swing_up(sound: str, echo: bool) -> None:
    noise = np.random.default_rng(5).normal(0, 10, len(T))
    path = EchoPath(0)
    left = followed(SOUNDS[sound], noise + (back(SOUNDS[sound]) if echo else 0.0), path)
    assert np.isfinite(left).all() and max(left) < 20.0, "over a hiss of -70 dBFS"
    assert np.mean(left[-50:]) < 1.0


def test_the_caller_does_not_spoil_what_was_learnt() -> None:
    ours = SOUNDS["hiss"]
    path, echo = EchoPath(0), back(ours)
    followed(ours, echo, path)
    caller = np.random.default_rng(6).normal(0, 1500, 2 * HZ)  # 10 dB over the echo
    followed(ours[: 2 * HZ], echo[: 2 * HZ] + caller, path)
    again = followed(ours[: HZ // 4], echo[: HZ // 4], path)
    assert again[0] < -10.0, "we pause long before that"


def test_a_path_that_changes_is_followed() -> None:
    path = EchoPath(0)
    followed(SOUNDS["hiss"], back(SOUNDS["hiss"]), path)
    assert path.loss_db == pytest.approx(12.0, abs=1.0)
    left = followed(SOUNDS["hiss"], -0.4 * back(SOUNDS["hiss"]), path)
    assert np.mean(left[100:150]) < -10.0 and np.mean(left[-50:]) < -20.0
    assert path.loss_db == pytest.approx(20.0, abs=1.0)


def frames_of(sound: np.ndarray) -> list[np.ndarray]:
    sound = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.int16)
    return list(sound.reshape(-1, FRAME_SAMPLES))


def test_frames_are_brought_down_as_by_the_filter_itself() -> None:
    sound = np.random.default_rng(7).normal(0, 1000, FRAME_SAMPLES * 4).astype(np.int16)
    lower = Decimator()
    lowered = np.concatenate([lower(frame) for frame in frames_of(sound)])
    expected = np.convolve(sound, design(HZ))[: len(sound)][5::6]
    assert lowered == pytest.approx(expected, abs=0.01)


def test_an_echo_is_taken_out_where_it_is() -> None:
    t = np.arange(BUS_HZ) / BUS_HZ
    echo = 4000 * np.sin(2 * np.pi * 1234 * t) * (t > 0.3)
    voice = 3000 * np.sin(2 * np.pi * 440 * t)
    lower = Decimator()
    echoes = [lower(frame) if at >= 10 else None for at, frame in enumerate(frames_of(echo))]
    clean = without_echo(frames_of(voice + echo), echoes)
    away = (clean - voice)[(np.abs(t - 0.3) > 0.01) & (t < 0.98)]  # not at the click
    assert level_db(away) == pytest.approx(COMFORT_DB, abs=0.3)
    assert np.array_equal(clean, without_echo(frames_of(voice + echo), echoes)), "for a replay"


def test_without_an_echo_nothing_is_touched() -> None:
    frames = frames_of(np.random.default_rng(8).normal(0, 1000, FRAME_SAMPLES * 3))
    assert np.array_equal(without_echo(frames, [None] * 3), np.concatenate(frames))
