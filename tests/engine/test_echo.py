"""Our own voice that comes back is not the caller; the caller over it is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples
from bot.audio.resample import Downsampler, Upsampler
from bot.audio.vad import SpeechDetector
from bot.engine.echo import EchoGuard
from tests.support.g711 import PCMU
from tests.support.phone import spoken

OURS = (
    "Hello, this is the clinic. You can ask about opening hours, appointments and prescriptions. "
    "We open at eight from Monday to Friday and close at six in the evening."
)


@cache
def voice(text: str, level_db: float) -> np.ndarray:
    """A sentence at a level, which is that of its loud parts."""
    sound = spoken(text, BUS_HZ).astype(float)
    loud = np.abs(sound) > 0.02 * np.abs(sound).max()
    return sound * 32768 * 10 ** (level_db / 20) / np.sqrt(np.mean(sound[loud] ** 2))


def played(
    echo: tuple[float, float] | None, caller: tuple[float, float] | None, ours_db: float = -20.0
) -> tuple[np.ndarray, EchoGuard]:
    """Which frames count as speech while we speak; `echo`: delay and loss, `caller`: when, dB."""
    ours = voice(OURS, ours_db)
    ours = ours[: len(ours) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.int16)
    line = np.random.default_rng(1).normal(0, 20, len(ours) + 5 * BUS_HZ)
    if echo is not None:
        at = round(echo[0] * BUS_HZ)
        line[at : at + len(ours)] += ours * 10 ** (-echo[1] / 20)
    if caller is not None:
        words = voice("No wait, I have another question about Sunday.", caller[1])
        at = round(caller[0] * BUS_HZ)
        line[at : at + len(words)] += words
    line = line[: len(ours)].clip(-32768, 32767).astype(np.int16)
    detector, guard = SpeechDetector(), EchoGuard()
    down, up = Downsampler(8000), Upsampler(8000)
    speech = []
    for start in range(0, len(ours), FRAME_SAMPLES):
        narrow = down.process(line[start : start + FRAME_SAMPLES])
        frame: Samples = up.process(PCMU.decode(PCMU.encode(narrow)))
        speech.append(guard.hear(frame, detector.hear(frame)).speech)
        guard.sent(ours[start : start + FRAME_SAMPLES])
    return np.array(speech), guard


def most_in_half_a_second(speech: np.ndarray) -> float:
    """Seconds of speech in the half second that has most of it."""
    return float(np.convolve(speech.astype(int), np.ones(25)).max()) * 0.02


@pytest.mark.parametrize("delay_s", [0.04, 0.1, 0.22, 0.4])
@pytest.mark.parametrize("loss_db", [6.0, 12.0, 24.0])
def test_an_echo_is_no_speech(delay_s: float, loss_db: float) -> None:
    speech, guard = played((delay_s, loss_db), None)
    assert most_in_half_a_second(speech) < 0.14, "the quickest persona pauses at 0.14 s"
    assert guard.delay_s == pytest.approx(delay_s, abs=0.025)
    assert guard.return_loss_db == pytest.approx(loss_db, abs=3.0)


@pytest.mark.parametrize("loss_db", [12.0, 18.0, 30.0])
@pytest.mark.parametrize("level_db", [-28.0, -18.0])
def test_a_caller_is_heard_over_the_echo(loss_db: float, level_db: float) -> None:
    speech, _ = played((0.16, loss_db), (3.0, level_db))
    assert most_in_half_a_second(speech[150:195]) >= 0.2


def test_a_line_without_echo_is_soon_trusted() -> None:
    speech, guard = played(None, (1.2, -30.0))
    assert guard.known and guard.delay_s is None and guard.return_loss_db is None
    assert np.flatnonzero(speech)[0] * 0.02 < 1.2 + 0.12, "no later than without a guard"


def test_before_anything_is_known_a_loud_caller_is_still_heard() -> None:
    speech, _ = played(None, (0.1, -14.0), ours_db=-26.0)
    assert most_in_half_a_second(speech[:40]) >= 0.2


def test_while_we_are_silent_nothing_is_taken_away() -> None:
    detector, plain, guard = SpeechDetector(), SpeechDetector(), EchoGuard()
    words = voice("What time do you open?", -30.0).astype(np.int16)
    for start in range(0, len(words) - FRAME_SAMPLES, FRAME_SAMPLES):
        frame = words[start : start + FRAME_SAMPLES]
        assert guard.hear(frame, detector.hear(frame)) == plain.hear(frame)
        guard.sent(np.zeros(FRAME_SAMPLES, np.int16))
