"""Pace and pitch by Rubber Band: exact, without clicks, and the same however the chunks fall."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.stretch import LONGEST_S, SHORTEST_S, Stretcher, semitones, stretched
from tests.audio.test_active_level import HZ, speech

AT = np.arange(2 * HZ) / HZ


def clips(clause: np.ndarray, speed: float, pitch: float, chunk: int) -> list[np.ndarray]:
    stretcher = Stretcher(HZ, speed, pitch)
    chunks = [clause[at : at + chunk] for at in range(0, len(clause), chunk)]
    return [*(clip for each in chunks for clip in stretcher.feed(each)), *stretcher.end()]


def loudest_hz(sound: np.ndarray) -> float:
    size = 1 << 20
    return np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)).argmax() * HZ / size


@pytest.mark.parametrize("tone_hz", [110, 440])
@pytest.mark.parametrize(("speed", "pitch"), [(1.0, 4.0), (1.25, 0.0), (0.8, -4.0), (2.0, 12.0)])
def test_a_tone_has_the_pitch_and_length_that_were_asked_for(
    tone_hz: int, speed: float, pitch: float
) -> None:
    tone = (8000 * np.sin(2 * np.pi * tone_hz * AT)).astype(np.int16)
    out = stretched(tone, HZ, speed, pitch)
    assert len(out) == pytest.approx(len(tone) / speed, abs=2)
    middle = out[len(out) // 8 : -len(out) // 8]
    assert loudest_hz(middle) == pytest.approx(tone_hz * 2 ** (pitch / 12), rel=0.004)


def test_cheap_pitches_lie_close_to_all_others() -> None:
    for pitch in np.arange(-12, 12.01, 0.1):
        assert abs(semitones(pitch) - pitch) < 0.002


@pytest.mark.parametrize(("speed", "pitch"), [(1.0, 4.0), (1.25, 0.0), (0.5, -12.0)])
def test_the_length_of_a_clause_is_right_and_no_chunk_is_seen(speed: float, pitch: float) -> None:
    clause = speech(3, 4)
    whole = clips(clause, speed, pitch, len(clause))
    pieces = clips(clause, speed, pitch, 333)
    assert len(whole) > 2
    np.testing.assert_array_equal(np.concatenate(whole), np.concatenate(pieces))
    assert sum(map(len, whole)) == pytest.approx(len(clause) / speed, rel=0.001)


def test_a_reply_need_not_be_waited_for() -> None:
    clause, stretcher = speech(3, 4), Stretcher(HZ, 1.0, 4.0)
    for fed in range(160, len(clause), 160):
        if any(True for _ in stretcher.feed(clause[fed - 160 : fed])):
            break
    assert SHORTEST_S < fed / HZ < LONGEST_S


def test_a_sound_without_any_pause_is_cut_too_and_does_not_click() -> None:
    hum = (6000 * np.sin(2 * np.pi * 150 * np.arange(5 * HZ) / HZ)).astype(np.int16)
    made = clips(hum, 1.0, 4.0, 1000)
    assert len(made) > 3 and max(map(len, made)) <= LONGEST_S * HZ + 2
    assert_no_click(made)


def test_joints_do_not_click() -> None:
    for speed, pitch in ((1.0, 4.0), (1.25, 0.0)):
        assert_no_click(clips(speech(6, 4), speed, pitch, 1000))


def assert_no_click(made: list[np.ndarray]) -> None:
    """No step at a joint is steeper than those the sound itself is full of."""
    steps = np.abs(np.diff(np.concatenate(made).astype(int)))
    usual = np.percentile(steps[steps > 0], 95)
    for joint in np.cumsum([len(clip) for clip in made])[:-1]:
        assert steps[joint - 2 : joint + 2].max() <= usual
