"""The comparison of detectors: what it takes for truth, and what it counts."""

from __future__ import annotations

import numpy as np

from tests.eval.detectors import BEFORE_S, FRAME_MS, Take, Tally, _count, sentences, take

BEFORE = round(BEFORE_S * 1000 / FRAME_MS)


def test_truth_is_the_clean_clip_wherever_the_line_makes_noise() -> None:
    name, samples, level_db = sentences()[0]
    for codec in ("PCMU", "G722"):
        clean, noisy = (take(codec, each, name, samples, level_db) for each in ("clean", "snr10"))
        assert np.array_equal(clean.speech, noisy.speech)
        assert not clean.speech[:BEFORE].any()
        assert 0.3 < clean.speech[BEFORE : BEFORE + len(samples) // 320].mean() <= 1.0


def test_hits_onsets_and_what_lingers_are_counted_in_frames() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0], bool)
    told = np.array([0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0], bool)
    tally = Tally([], [], [], [], [])
    _count(tally, Take([], truth), told)
    assert tally.heard == [0.75] and tally.noise == [0.25]
    assert tally.onset_ms == [20.0] and tally.tail_ms == [40.0]
