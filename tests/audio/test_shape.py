"""Trimming and fading of whole clips."""

from __future__ import annotations

import numpy as np

from bot.audio.shape import fade, trim_silence

RATE = 22_050


def clip(before_s: float, after_s: float) -> np.ndarray:
    tone = 6000 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)
    quiet = np.random.default_rng(1).normal(0, 2, round((before_s + after_s) * RATE))
    cut = round(before_s * RATE)
    return np.concatenate([quiet[:cut], tone, quiet[cut:]]).astype(np.int16)


def test_silence_is_cut_down_to_what_is_asked() -> None:
    trimmed = trim_silence(clip(0.3, 0.5), RATE, lead_s=0.01, tail_s=0.12)
    assert abs(len(trimmed) / RATE - 1.13) < 0.012
    assert np.flatnonzero(np.abs(trimmed.astype(int)) > 1000)[0] / RATE < 0.02


def test_less_silence_than_asked_is_left_alone() -> None:
    original = clip(0.0, 0.05)
    trimmed = trim_silence(original, RATE, lead_s=0.2, tail_s=0.2)
    np.testing.assert_array_equal(trimmed, original)


def test_nothing_but_silence_becomes_nothing() -> None:
    for quiet in (np.zeros(RATE, np.int16), np.zeros(0, np.int16), np.full(RATE, 3, np.int16)):
        assert len(trim_silence(quiet, RATE, lead_s=0.1, tail_s=0.1)) == 0


def test_a_fade_begins_and_ends_at_zero_and_leaves_the_middle() -> None:
    flat = np.full(1000, 10_000, np.int16)
    shaped = fade(flat, 1000, in_s=0.1, out_s=0.2)
    assert shaped[0] == 0 and shaped[-1] == 0
    assert np.all(shaped[100:800] == 10_000) and np.all(np.diff(shaped[:100].astype(int)) > 0)
    assert flat[0] == 10_000
    assert len(fade(flat[:0], 1000, in_s=0.1, out_s=0.1)) == 0
