"""Faults in interruptions that users of other voice bots reported, replayed as scores. Each is
named after its report; what is asserted is what the caller should have experienced."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.inputs import Purpose
from bot.engine.state import State
from tests.engine.score import Call, World, voice
from tests.engine.test_conversation import greeted
from tests.engine.test_field_bugs import LONG, asked


def paused(call: Call) -> list[do.NoteDecision]:
    """Each time the bot fell silent to listen."""
    return [each for each in call.all(do.NoteDecision) if each.what == "barge-in paused"]


@pytest.mark.parametrize("hum", ["Mhm.", "Mm-hmm.", "Yeah.", "Okay.", "Right.", "I see."])
@pytest.mark.parametrize("lasts_s", [0.36, 0.8])
def test_livekit_4039_back_channels_do_not_stop_the_bot(hum, lasts_s) -> None:
    call = asked(greeted(World(replies=[LONG], over_words=[hum] * 9)))
    call.wait(0.8).speak(lasts_s).until(call.listening)
    assert paused(call), "the bot stops to listen"
    assert call.bot_notes()[1].heard == LONG and not call.bot_notes()[1].interrupted


def test_livekit_4039_nor_do_several_of_them_stop_it_for_good() -> None:
    """Four "mhm" over each of two replies; then a question takes the floor as ever."""
    world = World(replies=[LONG * 2, LONG * 2, "At ten."], over_words=["Mhm."] * 99)
    call = greeted(world)
    for reply in (1, 2):
        asked(call)
        for _ in range(4):
            call.wait(0.8).speak(0.4)
        call.until(call.listening)
        assert call.bot_notes()[reply].heard == (LONG * 2).strip() and len(paused(call)) >= 4
        call.actions = [each for each in call.actions if each[1] not in paused(call)]
    world.replies.insert(0, LONG)
    asked(call).wait(0.8)
    world.over_words = ["What about Sunday?"] * 9
    call.speak(1.4).until(call.listening, within=0.5)
    assert call.bot_notes()[3].interrupted


def test_livekit_4615_a_decided_interruption_is_not_resumed() -> None:
    call = asked(greeted(World(replies=[LONG], over_words=["Stop."])))
    call.wait(0.8).speak(1.0).until(call.listening)
    (checked, *_) = [e for e in call.all(do.Transcribe) if e.purpose is Purpose.BARGE_IN]
    late = told.Transcribed(checked.turn, checked.utterance_id, Purpose.BARGE_IN, "mhm")
    silent = len(call.out)
    call.tell(late).wait(1.0)
    assert not any(frame.any() for frame in call.out[silent:]), "the old reply stays silent"


def test_livekit_4615_nor_by_a_timer_when_the_caller_falls_silent() -> None:
    """A false-interruption timer let the old reply go on although the caller had the floor."""
    call = asked(greeted(World(replies=[LONG], over_words=["Stop."], words=["Hours?", ""])))
    call.wait(0.8).speak(0.5).until(call.listening)
    told_then, silent = len(call.said()), len(call.out)
    call.wait(4.0)
    assert not any(frame.any() for frame in call.out[silent : silent + 120])
    assert not [text for text in call.said()[told_then:] if text in LONG]


def test_livekit_4615_a_look_that_comes_back_late_resumes_nothing() -> None:
    """The floor went to whoever spoke for so long; then the words arrive, and are a "mhm"."""
    call = asked(greeted(World(replies=[LONG * 2])))
    call.world.stt_s = 1e9
    call.wait(0.8).speak(2.4).until(call.listening, within=0.1)
    looks = [each for each in call.all(do.Transcribe) if each.purpose is Purpose.BARGE_IN]
    silent = len(call.out)
    for look in looks:
        call.tell(told.Transcribed(look.turn, look.utterance_id, Purpose.BARGE_IN, "mhm"))
    call.wait(1.5)
    assert looks and not any(frame.any() for frame in call.out[silent:])


@pytest.mark.parametrize("word", ["Mhm.", "Appointment."])
def test_livekit_4270_words_do_not_add_up_over_a_whole_reply(word) -> None:
    """Four times one word is never an interruption of two words."""
    call = asked(greeted(World(replies=[LONG * 3], over_words=[word] * 99)))
    for _ in range(4):
        call.wait(0.8).speak(0.8).wait(0.6)
    call.until(call.listening)
    assert len(paused(call)) == 4 and not call.bot_notes()[1].interrupted


@pytest.mark.parametrize("lasts_s", [0.4, 0.9])
def test_livekit_4450_filler_words_do_not_take_the_floor(lasts_s) -> None:
    call = asked(greeted(World(replies=[LONG], over_words=["Um, uh."] * 9)))
    call.wait(0.8).speak(lasts_s).until(call.listening)
    assert paused(call) and not call.bot_notes()[1].interrupted


def test_pipecat_754_the_interrupted_sentence_is_not_spoken_later() -> None:
    """#754, #3191: what was cut off, or had not been sent to the voice yet, came back in the next
    turn."""
    world = World(replies=["One two. Three four. Five six. Seven eight. " * 12, "At ten."])
    world.over_words = ["No, on Sunday please"]
    call = asked(greeted(world))
    call.wait(0.5).speak(1.2).until(call.listening)
    told_then, silent = len(call.said()), len(call.out)
    call.wait(2.4)
    assert not any(frame.any() for frame in call.out[silent:])
    call.until(call.speaking).until(call.listening)
    assert call.said()[told_then:] == ["At ten."]


def test_pipecat_754_late_voice_of_an_interrupted_reply_is_dropped() -> None:
    """It comes while nothing is said, and again when the next reply's first clause is awaited."""
    call = asked(greeted(World(replies=[LONG], over_words=["Stop."])))
    turn = call.engine.turn
    call.wait(0.8).speak(0.6).until(call.listening)
    silent, told_then = len(call.out), len(call.said())
    late = told.SpeechAudio(turn, 0, voice(1.0)), told.SpeechDone(turn, 0)
    call.world.tts_s = 1e9
    call.tell(*late).until(lambda: len(call.said()) > told_then).tell(*late).wait(1.0)
    assert not any(frame.any() for frame in call.out[silent:])


def test_pipecat_2791_the_history_holds_what_was_heard() -> None:
    call = asked(greeted(World(replies=[LONG, "At ten."], over_words=["No, on Sunday please"])))
    call.wait(1.5).speak(1.2).until(call.listening).wait(2.6).until(call.speaking)
    heard = call.all(do.AskModel)[-1].history[-2].text
    assert heard and LONG.startswith(heard) and heard != LONG
    assert call.bot_notes()[1].heard == heard
    begun, _ = next(each for each in call.actions if says(each[1], LONG))
    stopped = next(at for at, each in call.actions if each in paused(call))
    played = (stopped - begun) / call.world.speech_s_per_char
    assert len(heard) <= played < len(heard) + len("fourteen.") + 4, "by what left on the wire"


def says(action: do.Action, text: str) -> bool:
    return isinstance(action, do.Speak) and action.text == text


@pytest.mark.parametrize(("delay_s", "loss_db"), [(0.06, 10), (0.16, 14), (0.3, 20)])
def test_pipecat_1771_a_speakerphone_does_not_interrupt_its_own_bot(delay_s, loss_db) -> None:
    """#1771, #1626: the bot's voice comes back through the caller's loudspeaker."""
    call = Call(World(replies=[f"{LONG} {LONG}"]))
    back = round(delay_s / 0.02)
    share = 10 ** (-loss_db / 20)

    def echo() -> np.ndarray:
        if len(call.out) < back:
            return np.zeros(FRAME_SAMPLES, np.int16)
        return (call.out[-back] * share).astype(np.int16)

    while call.engine.state is not State.WAIT_FOR_USER or call.now < 0.2:
        call.tick(echo())
    for start in range(0, round(0.8 * BUS_HZ), FRAME_SAMPLES):
        call.tick(voice(0.8)[start : start + FRAME_SAMPLES])
    for _ in range(round(14.0 / 0.02)):
        call.tick(echo())
    paused = [each for each in call.all(do.NoteDecision) if each.what == "barge-in paused"]
    assert not paused, call.story()
    assert call.bot_notes()[1].heard == f"{LONG} {LONG}"


@pytest.mark.parametrize("level", [0.06, 0.1, 0.5])
def test_ava_466_a_quiet_and_a_loud_caller_can_both_interrupt(level) -> None:
    """Energy was measured on the wrong buffer, the threshold was never reached."""
    call = asked(greeted(World(replies=[LONG], over_words=["No, on Sunday please"] * 3)))
    call.wait(0.8).hear(voice(1.4, level)).until(call.listening, within=1.0)
    assert call.bot_notes()[1].interrupted


@pytest.mark.parametrize("what", ["hiss", "crackle"])
def test_ava_467_a_noisy_line_is_no_interruption(what) -> None:
    """Every noise of the line was told as speech and cut the greeting and the replies off."""
    rng = np.random.default_rng(5)
    call = Call(World(replies=[LONG * 2], over_words=["What about Sunday?"] * 99))

    def line(caller: np.ndarray | None = None) -> np.ndarray:
        frame = rng.normal(0, 250 if what == "hiss" else 20, FRAME_SAMPLES)
        if caller is None and what == "crackle" and rng.random() < 0.1:
            frame[: rng.integers(20, 400)] *= 300
        frame += 0 if caller is None else caller
        return frame.clip(-32768, 32767).astype(np.int16)

    while not call.bot_notes().get(0):
        call.tick(line())
    question = np.concatenate([voice(1.2), np.zeros(3 * BUS_HZ, np.int16)])
    for start in range(0, len(question), FRAME_SAMPLES):
        call.tick(line(question[start : start + FRAME_SAMPLES]))
    while not call.bot_notes().get(1):
        call.tick(line())
    assert call.bot_notes()[0].heard == "Hello there."
    assert call.bot_notes()[1].heard == LONG * 2 and not call.bot_notes()[1].interrupted


def test_jambonz_676_all_queued_clauses_are_gone_after_an_interruption() -> None:
    """One of several queued prompts was flushed, the others came."""
    world = World(replies=["One two. Three four. Five six. Seven eight."], over_words=["Stop."])
    world.words = ["Hello?", ""]
    call = asked(greeted(world))
    call.wait(0.4).speak(0.6).until(call.listening)
    silent = len(call.out)
    call.wait(2.0)
    assert not any(frame.any() for frame in call.out[silent:])


def test_jambonz_767_the_next_reply_is_not_flushed_in_place_of_the_interrupted_one() -> None:
    """The prompt that played went on, and the one after it was thrown away."""
    first, then = "One two. Three four. Five six. Seven eight.", "We are there at ten. Come in."
    world = World(replies=[first, then], over_words=["Stop."], words=["Hello?", "And Sunday?"])
    call = asked(greeted(world))
    call.wait(0.4).speak(0.6).until(call.listening)
    told_then = len(call.said())
    call.until(call.speaking, within=4.0).until(call.listening)
    assert call.said()[told_then:] == ["We are there at ten.", "Come in."]
    note = call.bot_notes()[max(call.bot_notes())]
    assert note.heard == then and not note.interrupted


@pytest.mark.parametrize("lasts_s", [0.5, 0.9])
def test_jambonz_655_an_empty_transcript_does_not_take_the_floor(lasts_s) -> None:
    call = asked(greeted(World(replies=[LONG], over_words=[""] * 9)))
    call.wait(0.8).speak(lasts_s).until(call.listening)
    assert (
        paused(call) and call.bot_notes()[1].heard == LONG and not call.bot_notes()[1].interrupted
    )


def test_jambonz_545_the_third_and_fourth_barge_in_work_as_the_first() -> None:
    call = greeted(World(replies=[LONG] * 5, over_words=["Stop."] * 9))
    for _ in range(4):
        asked(call).wait(0.8).speak(0.5).until(call.listening, within=1.5)
    interrupted = [note for note in call.bot_notes().values() if note.interrupted]
    assert len(interrupted) == 4


def test_cloudflare_2261_after_a_stop_no_buffered_audio_plays_on() -> None:
    call = asked(greeted(World(replies=[LONG * 3], over_words=["Stop."])))
    call.wait(1.0)
    onset = len(call.out)
    call.speak(0.6).wait(1.5)
    sounding = [i for i, frame in enumerate(call.out[onset:]) if frame.any()]
    assert (max(sounding) + 1) * 0.02 <= 0.36, "silent within 360 ms of the first word, for good"
