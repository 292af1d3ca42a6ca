"""Our own voice that comes back is not the caller; the caller over it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Samples, level_db
from bot.audio.resample import Downsampler, Upsampler
from bot.audio.vad import SpeechDetector
from bot.engine.barge_in import BEHAVIOURS
from bot.engine.ears import Ears
from bot.engine.echo import STANDS_OUT_DB, EchoGuard
from tests.support.g711 import PCMU
from tests.support.phone import missing, spoken, transcript

OURS = (
    "Hello, this is the clinic. You can ask about opening hours, appointments and prescriptions. "
    "We open at eight from Monday to Friday and close at six in the evening."
)
CALLERS = "No wait, I have another question about Sunday."
QUICKEST_S = min(each.pause_after_s for each in BEHAVIOURS.values())  # speech that pauses us
Echo = tuple[float, float]  # delay in seconds, loss in dB


@cache
def voice(text: str, level_db: float) -> np.ndarray:
    """A sentence at a level, which is that of its loud parts."""
    sound = spoken(text, BUS_HZ).astype(float)
    loud = np.abs(sound) > 0.02 * np.abs(sound).max()
    return sound * 32768 * 10 ** (level_db / 20) / np.sqrt(np.mean(sound[loud] ** 2))


def played(
    echo: Echo | None,
    caller: tuple[float, float] | None,
    ours_db: float = -20.0,
    then: tuple[float, Echo | None] | None = None,
) -> tuple[np.ndarray, EchoGuard]:
    """Which frames count as speech while we speak; `echo`: delay and loss, `caller`: when, dB;
    `then`: from when on the echo is another one."""
    ours = voice(OURS, ours_db)
    ours = ours[: len(ours) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.int16)
    line = np.random.default_rng(1).normal(0, 20, len(ours))
    changes = len(ours) if then is None else round(then[0] * BUS_HZ)
    line[:changes] += came_back(ours, echo)[:changes]
    if then is not None:
        line[changes:] += came_back(ours, then[1])[changes:]
    if caller is not None:
        words = voice(CALLERS, caller[1])
        at = round(caller[0] * BUS_HZ)
        line[at : at + len(words)] += words
    detector, guard = SpeechDetector(), EchoGuard()
    speech = []
    for sent, frame in zip(frames_of(ours), over_the_line(line), strict=True):
        speech.append(guard.hear(frame, detector.hear(frame)).speech)
        guard.sent(sent)
    return np.array(speech), guard


def came_back(ours: np.ndarray, echo: Echo | None) -> np.ndarray:
    """Our voice after its delay and loss."""
    if echo is None:
        return np.zeros(len(ours))
    at = round(echo[0] * BUS_HZ)
    return np.concatenate([np.zeros(at), ours * 10 ** (-echo[1] / 20)])[: len(ours)]


def frames_of(sound: np.ndarray) -> list[Samples]:
    whole = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES]
    return list(whole.clip(-32768, 32767).astype(np.int16).reshape(-1, FRAME_SAMPLES))


def over_the_line(sound: np.ndarray) -> Iterator[Samples]:
    """Frames as a telephone brings them."""
    down, up = Downsampler(8000), Upsampler(8000)
    for frame in frames_of(sound):
        yield up.process(PCMU.decode(PCMU.encode(down.process(frame))))


def most_in_half_a_second(speech: np.ndarray) -> float:
    """Seconds of speech in the half second that has most of it."""
    return float(np.convolve(speech.astype(int), np.ones(25)).max()) * 0.02


@pytest.mark.parametrize("delay_s", [0.04, 0.1, 0.22, 0.4])
@pytest.mark.parametrize("loss_db", [6.0, 12.0, 24.0])
def test_an_echo_is_no_speech(delay_s: float, loss_db: float) -> None:
    speech, guard = played((delay_s, loss_db), None)
    assert most_in_half_a_second(speech) < QUICKEST_S
    assert guard.delay_s == pytest.approx(delay_s, abs=0.025)
    assert guard.return_loss_db == pytest.approx(loss_db, abs=3.0)


@pytest.mark.parametrize("loss_db", [12.0, 18.0, 30.0])
@pytest.mark.parametrize("level_db", [-28.0, -18.0])
def test_a_caller_is_heard_over_the_echo(loss_db: float, level_db: float) -> None:
    speech, _ = played((0.16, loss_db), (3.0, level_db))
    assert most_in_half_a_second(speech[150:195]) >= 0.2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.1, 20.0), (0.1, 8.0)),  # the phone is put on the table
        ((0.1, 8.0), (0.1, 20.0)),
        ((0.1, 10.0), (0.26, 10.0)),  # the call is passed on to another line
        ((0.26, 10.0), (0.06, 14.0)),
        (None, (0.2, 8.0)),
        ((0.2, 8.0), None),
    ],
)
def test_an_echo_that_changes_in_mid_call_is_found_again(
    before: Echo | None, after: Echo | None
) -> None:
    speech, guard = played(before, None, then=(3.0, after))
    assert most_in_half_a_second(speech[:150]) < QUICKEST_S
    assert most_in_half_a_second(speech[225:]) < QUICKEST_S, "1.5 s later"
    if after is not None:
        assert guard.delay_s == pytest.approx(after[0], abs=0.025)
        assert guard.return_loss_db == pytest.approx(after[1], abs=3.0)
    else:
        assert guard.return_loss_db is None or guard.return_loss_db > 20.0


def test_a_caller_is_heard_after_the_echo_has_changed() -> None:
    speech, _ = played((0.1, 10.0), (5.0, -24.0), then=(3.0, (0.26, 14.0)))
    assert most_in_half_a_second(speech[250:295]) >= 0.2


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


@settings(max_examples=12, deadline=None)
@given(caller_at_s=st.floats(1.2, 5.0), caller_db=st.floats(-34.0, -14.0), seed=st.integers(0, 99))
def test_a_line_without_echo_is_heard_as_without_a_guard(
    caller_at_s: float, caller_db: float, seed: int
) -> None:
    ours, words = voice(OURS, -20.0), voice(CALLERS, caller_db)
    line = np.random.default_rng(seed).normal(0, 20, len(ours))
    at = round(caller_at_s * BUS_HZ)
    line[at : at + len(words)] += words[: len(line) - at]
    guard, guarded, plain = EchoGuard(), SpeechDetector(), SpeechDetector()
    for sent, frame in zip(frames_of(ours), over_the_line(line), strict=True):
        trusted = guard.known
        heard = guard.hear(frame, guarded.hear(frame))
        expected = plain.hear(frame)
        if trusted:
            assert heard.speech == (expected.speech and heard.snr_db > STANDS_OUT_DB)
            assert heard.level_db == expected.level_db and guard.echo is None
        guard.sent(sent)
    assert guard.known and guard.delay_s is None


@pytest.mark.parametrize("loss_db", [6.0, 12.0])
def test_a_transcriber_hears_the_caller_without_us(loss_db: float) -> None:
    ours, words = voice(OURS, -20.0), voice(CALLERS, -24.0)
    at = 3 * BUS_HZ
    said = np.zeros(len(ours))
    said[at : at + len(words)] = words
    noise = np.random.default_rng(2).normal(0, 20, len(ours))
    ears = Ears("call", SpeechDetector(), echo_guard=True)
    frames = over_the_line(said + came_back(ours, (0.2, loss_db)) + noise)
    utterance = None
    for tick, (sent, frame) in enumerate(zip(frames_of(ours), frames, strict=True), 1):
        ears.hear(frame, tick * FRAME_S, 10.0)
        ears.said(sent)
        if tick * FRAME_S > (at + len(words)) / BUS_HZ:
            utterance = utterance or ears.utterance
    assert utterance is not None
    start = round(utterance.captured_from * BUS_HZ)
    alone = np.concatenate(list(over_the_line(said)))
    mixed = np.concatenate(utterance.frames)
    clean = utterance.samples()
    echo, left = (each[: len(clean)] - alone[start:][: len(clean)] for each in (mixed, clean))
    assert level_db(left) < level_db(echo) - 12.0
    assert missing(transcript(clean, BUS_HZ), ["another question about Sunday"]) == []
