"""Silero on the real weights, fed as the engine does."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES
from bot.audio.silero import CHUNK, CONTEXT, SileroVad
from bot.audio.vad import SpeechDetector
from bot.calls.hearing import silero_session
from tests.support.phone import spoken


def frames(sound: np.ndarray) -> list[np.ndarray]:
    sound = sound.clip(-32768, 32767).astype(np.int16)
    return [sound[at : at + FRAME_SAMPLES] for at in range(0, len(sound) - 959, FRAME_SAMPLES)]


@pytest.fixture(name="speech")
def a_sentence() -> np.ndarray:
    return spoken("What time do you open tomorrow morning?", BUS_HZ).astype(float)


def test_speech_is_speech_and_silence_is_not(speech: np.ndarray) -> None:
    detector = SpeechDetector(SileroVad(silero_session()))
    quiet = [detector.hear(each).speech for each in frames(np.zeros(BUS_HZ))]
    said = [detector.hear(each).speech for each in frames(speech)]
    assert not any(quiet)
    assert sum(said) >= 0.6 * len(said)


def test_a_hiss_before_its_level_is_learnt_is_told_from_speech() -> None:
    hiss = np.random.default_rng(2).normal(0, 400, 2 * BUS_HZ)
    detector = SpeechDetector(SileroVad(silero_session()))
    heard = [detector.hear(each) for each in frames(hiss)]
    assert any(each.level_db > each.floor_db + SileroVad.gate_db for each in heard), "it is loud"
    assert sum(each.speech for each in heard) <= 0.1 * len(heard)


def test_two_calls_on_one_model_do_not_disturb_each_other(speech: np.ndarray) -> None:
    alone = SileroVad(silero_session())
    expected = [alone.is_speech(each) for each in frames(speech)]
    one, other = SileroVad(silero_session()), SileroVad(silero_session())
    noise = frames(np.random.default_rng(3).normal(0, 3000, len(speech)))
    together = []
    for ours, theirs in zip(frames(speech), noise, strict=True):
        together.append(one.is_speech(ours))
        other.is_speech(theirs)
    assert together == expected


def test_the_model_sees_whole_chunks_with_their_context() -> None:
    seen: list[tuple[int, ...]] = []

    class Session:
        def run(self, outputs: None, inputs: dict) -> list:
            seen.append(inputs["input"].shape)
            return [np.array([0.9], np.float32), inputs["h"], inputs["c"]]

    vad = SileroVad(Session())
    for each in frames(np.zeros(BUS_HZ)):
        vad.is_speech(each)
    assert set(seen) == {(1, CONTEXT + CHUNK)} and len(seen) == 16_000 // CHUNK
    assert vad.probability == pytest.approx(0.9)
