"""Every voice comes out at one loudness, without pumping and without clipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.active_level import VoiceLevel
from bot.audio.leveller import CEILING, CREEP_DB_PER_S, KNEE, LOOK_S, TARGET_DB, Leveller, guarded
from tests.audio.test_active_level import HZ, speech
from tests.support.p56 import active_level_db


def levelled(voice: VoiceLevel, clause: np.ndarray, chunk: int = HZ // 10) -> np.ndarray:
    leveller = Leveller(voice, HZ)
    out = [leveller.feed(clause[at : at + chunk]) for at in range(0, len(clause), chunk)]
    return np.concatenate([*out, leveller.end()])


def knowing(level_db: float) -> VoiceLevel:
    """A voice of which much was heard."""
    voice = VoiceLevel()
    levelled(voice, speech(7, 10, level_db))
    return voice


@pytest.mark.parametrize("level_db", [-45.0, -30.0, -12.0])
def test_quiet_and_loud_voices_come_out_alike(level_db: float) -> None:
    voice = VoiceLevel()
    first = levelled(voice, speech(0, 2, level_db))
    assert active_level_db(first, HZ) == pytest.approx(TARGET_DB, abs=5)
    out = np.concatenate([levelled(voice, speech(seed, 2, level_db)) for seed in range(1, 6)])
    assert active_level_db(out, HZ) == pytest.approx(TARGET_DB, abs=1)
    assert np.abs(out.astype(int)).max() <= CEILING * 32768 + 1


def test_nothing_is_lost_and_nothing_waits_once_the_voice_is_known() -> None:
    for voice in (VoiceLevel(), knowing(-30)):
        known = voice.measure()[1] >= LOOK_S
        leveller, clause = Leveller(voice, HZ), speech(3, 3, -30)
        first = leveller.feed(clause[: HZ // 50])
        assert len(first) == (HZ // 50 if known else 0)
        rest = leveller.feed(clause[HZ // 50 :])
        assert len(first) + len(rest) + len(leveller.end()) == len(clause)


def test_a_voice_never_heard_is_held_back_for_a_moment_only() -> None:
    leveller, clause = Leveller(VoiceLevel(), HZ), speech(3, 3, -30)
    came = [len(leveller.feed(clause[at : at + 160])) for at in range(0, len(clause), 160)]
    assert LOOK_S < next(at for at, length in enumerate(came) if length) * 0.01 < LOOK_S + 0.6


def test_a_short_clause_is_no_louder_than_its_voice() -> None:
    """The gain is the voice's: 10 dB softer in, 10 dB softer out."""
    yes = speech(5, 0.3, -30)
    usual = levelled(knowing(-30), yes)
    soft = levelled(knowing(-30), (yes * 0.316).astype(np.int16))
    apart = active_level_db(usual, HZ) - active_level_db(soft, HZ)
    assert apart == pytest.approx(10, abs=0.6)


def test_a_clause_too_short_to_tell_comes_whole_at_its_end() -> None:
    out = levelled(VoiceLevel(), speech(5, 0.3, -40))
    assert len(out) == len(speech(5, 0.3, -40))
    assert active_level_db(out, HZ) == pytest.approx(TARGET_DB, abs=1.5)


def test_the_gain_only_creeps_within_a_clause() -> None:
    voice = knowing(-20)
    clause = speech(9, 4, -34)  # the same voice, suddenly softer
    out = levelled(voice, clause).astype(float)
    loud = np.abs(clause) > 300
    gain_db = 20 * np.log10(np.abs(out[loud]) / np.abs(clause[loud].astype(float)))
    at = np.flatnonzero(loud)
    for begin in range(0, len(at) - 2000, 500):
        passed_s = (at[begin + 2000] - at[begin]) / HZ
        moved = abs(gain_db[begin + 2000] - gain_db[begin])
        assert moved < CREEP_DB_PER_S * passed_s + 0.1, begin
    assert gain_db[-1] > gain_db[0] + 0.5, "but it does move"


def test_silence_stays_silence() -> None:
    assert not levelled(VoiceLevel(), np.zeros(HZ, np.int16)).any()
    hiss = np.random.default_rng(2).normal(0, 1.5, 2 * HZ).astype(np.int16)
    assert np.abs(levelled(knowing(-30), hiss)).max() < 30


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 4000), min_size=1, max_size=30), st.booleans(),
    st.sampled_from([-45.0, -30.0, -14.0]),
)  # fmt: skip
def test_chunks_make_no_difference(sizes: list[int], known: bool, level_db: float) -> None:
    clause = speech(4, 2, level_db)
    whole = levelled(knowing(-30) if known else VoiceLevel(), clause, len(clause))
    leveller = Leveller(knowing(-30) if known else VoiceLevel(), HZ)
    ends = [*np.cumsum(sizes), len(clause)]
    out, at = [], 0
    for end in ends:
        out.append(leveller.feed(clause[at:end]))
        at = max(at, int(end))
    np.testing.assert_allclose(np.concatenate([*out, leveller.end()]), whole, atol=1)


def test_peaks_are_bent_and_never_cut() -> None:
    ramp = np.linspace(-4, 4, 100_001, dtype=np.float32)
    out = guarded(ramp).astype(int)
    steps = np.diff(out)
    assert np.all(steps >= 0) and steps.max() <= 4 and np.abs(out).max() <= CEILING * 32768 + 1
    below = np.abs(ramp) <= KNEE
    np.testing.assert_allclose(out[below], ramp[below] * 32768, atol=0.51)
    np.testing.assert_array_equal(out, -out[::-1])
    assert not len(guarded(ramp[:0]))
