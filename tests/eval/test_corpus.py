"""The corpus is large enough, and the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.eval import cache, corpus, voices
from tests.eval.corpus import Clip, active, at_level, said, sounds
from tests.eval.line import Echo, Line, LineSettings, echo_tail
from tests.eval.noises import COUGHS, HZ, NOISES
from tests.eval.phrases import BACK_CHANNELS, INTERRUPTIONS
from tests.eval.voices import JOES, ROBOTS


@pytest.fixture
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FOLDER", tmp_path)


def test_there_are_enough_clips_of_each_kind():
    interruptions = 2 * sum(len(texts) for texts in INTERRUPTIONS.values())
    back_channels = 4 * len(BACK_CHANNELS)
    noises = sum(corpus.TAKES[kind] for kind in (*COUGHS, *NOISES))
    assert interruptions >= 60 and back_channels >= 40 and noises >= 40
    assert interruptions + back_channels + noises == 231, "docs/turns.md tells this number"


@pytest.mark.parametrize("speaker", [JOES[1], ROBOTS[3]], ids=lambda each: each.name)
def test_a_text_is_spoken_the_same_every_time(
    speaker: voices.Speaker, nothing_kept: None, tmp_path: Path
):
    first = said("Hold on.", "interruption", "stop word", speaker)
    for path in (tmp_path / "clips").iterdir():
        path.unlink()
    again = said("Hold on.", "interruption", "stop word", speaker)
    assert np.array_equal(first.samples, again.samples) and first.level_db == again.level_db
    assert 0.3 < first.seconds < 1.0 and first.onset < HZ // 5


def test_sounds_are_the_same_every_time_and_all_different():
    first, again = list(sounds()), list(sounds())
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert len({each.samples.tobytes() for each in first}) == len(first)
    assert all(0.1 < each.seconds < 2.5 and np.abs(each.samples).max() > 300 for each in first)


def test_the_active_level_leaves_pauses_out_and_finds_the_onset():
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(HZ) / HZ)
    spaced = np.concatenate([np.zeros(HZ), tone, np.zeros(3 * HZ)])
    level, onset = active(spaced)
    assert level == pytest.approx(-23.0, abs=0.1) and onset == HZ
    assert active(at_level(spaced, -30.0) / 32768)[0] == pytest.approx(-30.0, abs=0.1)


def tone_clip() -> Clip:
    tone = at_level(np.sin(np.arange(HZ) / 2), -20.0)
    return Clip("tone", "noise", "tone", JOES[0], -20.0, tone, 0)


def test_noise_is_as_far_below_as_asked_for():
    dice = np.random.default_rng(1)
    line = Line(LineSettings("PCMA", "white", -40.0), dice)
    heard = np.concatenate([line.to_bot(np.zeros(160)) for _ in range(100)])[4800:]
    assert 10 * np.log10(np.mean((heard / 32768.0) ** 2)) == pytest.approx(-40.0, abs=1.0)


def test_the_echo_comes_back_late_and_weaker():
    tail = echo_tail(Echo(100.0, 12.0), np.random.default_rng(2))
    assert np.flatnonzero(tail)[0] == 0.08 * HZ, "one frame passes before it is heard"
    assert 10 * np.log10((tail**2).sum()) == pytest.approx(-12.0, abs=0.01)
    line = Line(LineSettings(echo=Echo(100.0, 12.0)), np.random.default_rng(2))
    ours = np.random.default_rng(3).integers(-3000, 3000, 960 * 50).astype(np.int16)
    back = []
    for at in range(0, len(ours), 960):
        back.append(line.to_bot(np.zeros(160)))
        line.from_bot(ours[at : at + 960])
    power = [float(np.mean((frame / 32768.0) ** 2)) for frame in back]
    first = next(i for i, each in enumerate(power) if each > 1e-6)
    assert first == 5, "100 ms after it left"
    quiet_db = 10 * np.log10(np.mean(power[10:]))
    # of white noise at the bus rate a telephone line carries a sixth
    loud_db = 10 * np.log10(np.mean((ours / 32768.0) ** 2) * 3600 / 24_000)
    assert loud_db - quiet_db == pytest.approx(12.0, abs=1.5)


def test_the_echo_path_is_the_same_in_every_part_of_a_frame():
    line = Line(LineSettings(echo=Echo(90.0, 10.0)), np.random.default_rng(4))
    ours = np.random.default_rng(5).integers(-3000, 3000, 960 * 20).astype(np.int16)
    heard, echo = [], []
    for at in range(0, len(ours), 960):
        heard.append(line.from_bot(ours[at : at + 960]) / 32768)
        echo.append(line._echo)
    whole = np.convolve(np.concatenate(heard), line._tail)[: len(ours) // 6]
    assert np.concatenate(echo) == pytest.approx(whole, abs=1e-12)
