"""The caller in the box against a scripted other side: times are of frames, nothing waits."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, silence
from bot.calls.caller import (
    FELL_SILENT_S,
    NO_GREETING_S,
    NO_REPLY_S,
    QUIET_S,
    VOICE_DB,
    CallerScript,
    Manner,
    Said,
    converse,
)
from bot.legs.base import Delays
from bot.legs.loopback import LoopbackLeg, loopback

PROMPT = Delays(inbound=0.0, outbound=0.0)


def voice(level_db: float = -20.0) -> Frame:
    """A frame of noise at `level_db`."""
    rng = np.random.default_rng(1)
    return (rng.standard_normal(FRAME_SAMPLES) * 32768 * 10 ** (level_db / 20)).astype(np.int16)


def line(text: str, seconds: float = 1.0) -> Said:
    return Said(text, np.tile(voice(), round(seconds / FRAME_S)))


class Stage:
    """Drives a script frame by frame; the other side speaks when told to."""

    def __init__(self, *lines: Said, delays: Delays = PROMPT, **manner: float) -> None:
        self.script = CallerScript(lines, lambda: delays, Manner(**manner))

    def hears(self, seconds: float, frame: Frame | None = None) -> int:
        """Frames in which the caller spoke meanwhile."""
        steps = (self.script.step(silence() if frame is None else frame) for _ in ticks(seconds))
        return sum(bool(out.any()) for out in steps)

    def hears_voice(self, seconds: float) -> int:
        return self.hears(seconds, voice())

    def until_spoken(self) -> None:
        """The caller's present line comes to its end over silence."""
        while self.script.step(silence()).any():
            pass


def ticks(seconds: float) -> range:
    return range(round(seconds / FRAME_S))


def test_the_greeting_is_heard_out_before_the_first_line() -> None:
    stage = Stage(line("Hello."))
    assert stage.hears(0.5) == 0
    assert stage.hears_voice(2.0) == 0
    assert stage.hears(1.0) == 0, "a pause within the greeting"
    assert stage.hears_voice(1.0) == 0
    assert stage.hears(QUIET_S - FRAME_S) == 0
    assert stage.hears(1.0) > 0
    greeting, said = stage.script.exchanges
    assert greeting.heard_from == pytest.approx(0.52)
    assert greeting.heard_until == pytest.approx(4.5)
    assert said.text == "Hello." and not said.interrupted
    assert said.spoke_from == pytest.approx(4.5 + QUIET_S)


def test_a_reply_is_timed_from_our_last_speech_to_their_first() -> None:
    stage = Stage(line("Hello."))
    stage.hears_voice(0.5)
    stage.hears(QUIET_S)
    stage.until_spoken()
    stage.hears(0.7)
    stage.hears_voice(1.0)
    stage.hears(0.4)
    (_, said) = stage.script.exchanges
    # spoken in frame 100..149 of 20 ms; one frame of silence to see its end, 0.7 s, then theirs
    assert said.spoke_until - said.spoke_from == pytest.approx(0.98)
    assert said.reply_after == pytest.approx(0.7 + 2 * FRAME_S)
    assert said.heard_until - said.heard_from == pytest.approx(0.98)
    assert len(said.reply()) == pytest.approx((1.0 + 0.4 + 0.3) * 48_000, abs=FRAME_SAMPLES)


def test_the_wire_is_what_is_timed() -> None:
    late = Delays(inbound=0.03, outbound=0.05)
    stage = Stage(line("Hello."), delays=late)
    stage.hears_voice(0.5)
    stage.hears(QUIET_S)
    stage.until_spoken()
    stage.hears_voice(0.1)
    greeting, said = stage.script.exchanges
    assert greeting.heard_from == pytest.approx(0.02 - 0.03)
    assert said.spoke_from == pytest.approx(0.5 + QUIET_S + 0.05)
    assert said.reply_after == pytest.approx(2 * FRAME_S - 0.03 - 0.05)


def test_nobody_greets_and_nobody_answers() -> None:
    stage = Stage(line("Hello?"), line("Anybody?"))
    assert stage.hears(NO_GREETING_S - FRAME_S) == 0
    stage.until_spoken()
    stage.hears(1.0)
    assert stage.hears(NO_REPLY_S) == 50, "the second line, after a long wait"
    assert not stage.script.done
    stage.hears(NO_REPLY_S + 0.1)
    assert stage.script.done
    assert [each.heard_from for each in stage.script.exchanges] == [None] * 3
    assert not len(stage.script.exchanges[1].reply())


def test_a_faint_line_is_no_speech() -> None:
    stage = Stage()
    stage.hears(NO_GREETING_S - 1, voice(VOICE_DB - 3))
    assert stage.script.exchanges[0].heard_from is None
    stage.hears(FRAME_S, voice(VOICE_DB + 3))
    assert stage.script.exchanges[0].heard_from is not None


def in_reply(**manner: float) -> Stage:
    """The first line was said and its reply is about to begin."""
    stage = Stage(line("Tell me."), line("Stop.", 0.5), **manner)
    stage.hears_voice(1.0)
    stage.hears(QUIET_S)
    stage.until_spoken()
    stage.hears(0.5)
    return stage


def test_a_reply_is_interrupted_and_the_silence_after_it_timed() -> None:
    stage = in_reply(interrupt_after=2.0)
    assert stage.hears_voice(2.0) == 0
    stage.hears_voice(0.3)  # it stops 0.3 s into our line
    stage.until_spoken()
    stage.hears(0.8)
    stage.hears_voice(1.0)
    _, cut, ours = stage.script.exchanges
    assert ours.interrupted and ours.silent_after == pytest.approx(0.28, abs=0.5 * FRAME_S)
    assert ours.reply_after == pytest.approx(0.8 + 2 * FRAME_S)
    assert cut.heard_until == pytest.approx(ours.spoke_from + ours.silent_after)
    assert not cut.interrupted and cut.silent_after is None
    # what was heard is kept in order and whole, for --save
    heard = sum(len(each.heard) for each in stage.script.exchanges)
    assert heard * FRAME_S == pytest.approx(stage.script.now)


def test_the_greeting_is_not_interrupted() -> None:
    stage = Stage(line("Stop."), interrupt_after=0.5)
    assert stage.hears_voice(5.0) == 0


def test_a_reply_shorter_than_the_patience_is_heard_out() -> None:
    stage = in_reply(interrupt_after=2.0)
    assert stage.hears_voice(1.0) == 0
    assert stage.hears(QUIET_S - FRAME_S) == 0
    assert stage.hears(1.0) > 0
    assert not stage.script.exchanges[2].interrupted


def test_one_who_talks_on_is_found_out_at_the_end() -> None:
    stage = in_reply(interrupt_after=1.0)
    stage.hears_voice(1.0 + 3.0)  # nothing stops it for 3 s
    ours = stage.script.exchanges[2]
    assert ours.interrupted and ours.silent_after is None and ours.heard_from is None
    stage.hears(FELL_SILENT_S + FRAME_S)
    assert ours.silent_after == pytest.approx(2.98, abs=0.5 * FRAME_S)


def test_one_who_pauses_and_goes_on_gives_a_reply() -> None:
    stage = in_reply(interrupt_after=1.0)
    stage.hears_voice(1.2)
    stage.until_spoken()
    stage.hears(0.5)
    stage.hears_voice(2.0)
    ours = stage.script.exchanges[2]
    assert ours.silent_after == pytest.approx(0.18, abs=0.5 * FRAME_S)
    assert ours.heard_from > ours.spoke_until


def test_hang_up_after_ends_the_call_whatever_is_said() -> None:
    stage = Stage(line("Hello.", 5.0), line("More."), hang_up_after=3.0)
    stage.hears_voice(1.0)
    stage.hears(1.9)
    assert not stage.script.done
    stage.hears(0.1)
    assert stage.script.done and stage.script.not_said == ["More."]
    assert stage.hears(1.0) == 0, "nothing is said after the end"


async def greet_and_answer(leg: LoopbackLeg) -> list[Frame]:
    """Another side: greets for a second, then answers 0.6 s after whatever it hears."""
    heard, talk = [], [voice()] * 50
    quiet, spoken_to = 0, False
    async for frame in leg.frames():
        heard.append(frame)
        leg.write(talk.pop() if talk else silence())
        spoken_to |= bool(frame.any())
        quiet = 0 if frame.any() else quiet + 1
        if spoken_to and quiet == 30:
            talk, spoken_to = [voice()] * 50, False
    return heard


async def test_a_call_over_the_loopback_leg() -> None:
    phone, other = loopback()
    await other.answer()
    listening = asyncio.create_task(greet_and_answer(other))
    script = await asyncio.wait_for(converse(phone, [line("One."), line("Two.")]), 20)
    heard = await listening
    assert (phone.ended, other.ended) == ("bot", "caller")
    assert [each.text for each in script.exchanges] == ["", "One.", "Two."]
    for each in script.exchanges[1:]:
        assert each.reply_after == pytest.approx(0.6, abs=3 * FRAME_S)
    spoken = sum(bool(frame.any()) for frame in heard)
    assert spoken == 2 * 50, "both lines came through whole"


async def test_the_other_side_hangs_up_first() -> None:
    phone, other = loopback()
    await other.answer()

    async def rude() -> None:
        async for _ in other.frames():
            if other.stats.frames_in == 25:
                await other.hang_up()

    leaving = asyncio.create_task(rude())
    script = await asyncio.wait_for(converse(phone, [line("One.")]), 20)
    await leaving
    assert phone.ended == "caller" and not script.done and script.not_said == ["One."]
