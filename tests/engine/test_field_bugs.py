"""Faults that users of other voice bots reported, replayed as scores. Each is named after its
report; what is asserted is what the caller should have experienced."""

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

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."


def asked(call: Call) -> Call:
    """The caller has asked something and hears the reply."""
    return call.speak(0.8).wait(2.6).until(call.speaking)


def quiet_ever(call: Call, since: float, longest: float) -> bool:
    """Was there a silence of both sides longer than `longest` after `since`?"""
    quiet = 0.0
    for index, frame in enumerate(call.out):
        sounding = frame.any() or call.heard[index] or (index + 1) * 0.02 < since
        quiet = 0.0 if sounding else quiet + 0.02
        if quiet > longest:
            return True
    return False


# ---- dead air


@pytest.mark.parametrize("stt_s", [0.0, 0.02, 0.5, 3.0, 7.0])
def test_pipecat_4279_a_turn_is_not_skipped_when_its_transcript_is_late_or_early(stt_s) -> None:
    """#3988, #4279 (transcript later than the detector), PR #4098 (earlier than it)."""
    call = greeted(World(stt_s=stt_s))
    since = call.now
    call.speak(1.0).wait(2.6).until(lambda: bool(call.all(do.AskModel)), within=9.0)
    call.until(call.speaking).until(call.listening)
    assert call.bot_notes()[call.engine.turn].heard == "We open at nine."
    assert not quiet_ever(call, since, 5.1)


def test_pipecat_3988_a_transcriber_that_fails_is_told_aloud() -> None:
    call = greeted(World(stt_s=1e9)).speak(1.0).wait(2.6)
    (request,) = call.all(do.Transcribe)
    call.tell(told.TranscriptionFailed(request.turn, request.utterance_id, Purpose.TURN))
    call.until(call.speaking, within=0.5)
    assert call.said()[-1].startswith("Sorry, something went wrong")


def test_livekit_3418_after_an_interruption_the_next_reply_is_audible() -> None:
    call = asked(greeted(World(replies=[LONG, "At ten."], over_words=["No, on Sunday please"])))
    call.wait(0.8).speak(1.2).until(call.listening)
    call.wait(2.6).until(call.speaking)
    begun = len(call.out)
    call.until(call.listening)
    assert any(frame.any() for frame in call.out[begun:])
    assert call.bot_notes()[call.engine.turn].heard == "At ten."


@pytest.mark.parametrize("cough_at", [0.1, 0.5, 0.9])
def test_livekit_1229_a_cough_before_the_reply_does_not_eat_the_answer(cough_at) -> None:
    call = greeted(World(llm_s=1.2)).speak(1.0).wait(2.5 + cough_at).speak(0.2)
    call.until(call.speaking, within=2.0).until(call.listening)
    assert call.bot_notes()[1].heard == "We open at nine."


def test_livekit_4777_the_idle_prompt_waits_for_a_talking_caller() -> None:
    call = greeted(World(), idle={"after_s": 3.0, "reprompts": ["Hello?"], "goodbye": "Bye."})
    for _ in range(5):
        call.wait(2.3 if call.now < 5 else 0.4).speak(1.5)
    assert call.said() == ["Hello there."] and call.hung_up() is None
    call.wait(2.6).until(call.speaking)
    assert call.said()[-1] == "We open at nine."


def test_livekit_4777_a_syllable_at_the_last_moment_holds_the_idle_prompt() -> None:
    call = greeted(World(), idle={"after_s": 3.0, "reprompts": ["Hello?"], "goodbye": "Bye."})
    ended = call.now
    call.wait(3.0 - (call.now - ended) - 0.06).speak(0.04)
    assert not call.speaking()


def test_carrier_hears_something_during_a_fourteen_second_model_gap() -> None:
    """Without RTP carriers drop a call; without a word callers do."""
    call = greeted(World(llm_s=14.0))
    begun = len(call.out)
    call.speak(0.8).wait(14.0)
    assert len(call.out) - begun == round((0.8 + 14.0) / 0.02), "one frame out for each frame in"
    assert "One moment." in call.said()
    assert not quiet_ever(call, begun * 0.02, 5.1)


# ---- cut off


@pytest.mark.parametrize("pause_s", [0.3, 1.0, 1.6, 2.0, 2.4])
def test_livekit_3373_a_pause_for_thought_ends_no_turn(pause_s) -> None:
    call = greeted().speak(0.8).wait(pause_s).speak(0.6).wait(pause_s).speak(0.5)
    assert not [each for each in call.all(do.Transcribe) if each.purpose is Purpose.TURN]
    call.wait(2.6).until(call.speaking)
    assert len(call.all(do.AskModel)) == 1


def test_active_call_75_the_first_word_after_the_answer_is_not_clipped() -> None:
    call = Call(World(over_words=["What time do you open"], words=["What time do you open?"]))
    call.speak(1.4).wait(2.6).until(lambda: bool(call.all(do.AskModel)))
    turn = next(each for each in call.all(do.Transcribe) if each.purpose is Purpose.TURN)
    assert len(turn.samples) / BUS_HZ >= 1.4, "all of it is transcribed, also under the greeting"


def test_ava_527_the_greeting_begins_at_once() -> None:
    call = Call().wait(0.2)
    assert call.out[-1].any(), "voice within 0.2 s of the answer"


# ---- barge-in


@pytest.mark.parametrize("hum", ["Mhm.", "Mm-hmm.", "Yeah.", "Okay.", "Right.", "I see."])
def test_livekit_4039_back_channels_do_not_stop_the_bot(hum) -> None:
    call = asked(greeted(World(replies=[LONG], over_words=[hum] * 5)))
    call.wait(0.8).speak(0.36).until(call.listening)
    assert call.bot_notes()[1].heard == LONG and not call.bot_notes()[1].interrupted


def test_livekit_4615_a_decided_interruption_is_not_resumed() -> None:
    call = asked(greeted(World(replies=[LONG], over_words=["Stop."])))
    call.wait(0.8).speak(1.0).until(call.listening)
    (checked, *_) = [e for e in call.all(do.Transcribe) if e.purpose is Purpose.BARGE_IN]
    late = told.Transcribed(checked.turn, checked.utterance_id, Purpose.BARGE_IN, "mhm")
    silent = len(call.out)
    call.tell(late).wait(1.0)
    assert not any(frame.any() for frame in call.out[silent:]), "the old reply stays silent"


def test_livekit_4270_words_do_not_add_up_over_a_whole_reply() -> None:
    """Three lone "mhm" are three back-channels, not an interruption of three words."""
    call = asked(greeted(World(replies=[LONG * 2], over_words=["Mhm."] * 9)))
    for _ in range(3):
        call.wait(0.8).speak(0.36).wait(1.2)
    call.until(call.listening)
    assert not call.bot_notes()[1].interrupted


def test_livekit_4450_filler_words_do_not_take_the_floor() -> None:
    call = asked(greeted(World(replies=[LONG], over_words=["Um, uh."] * 5)))
    call.wait(0.8).speak(0.4).until(call.listening)
    assert not call.bot_notes()[1].interrupted


def test_pipecat_754_the_interrupted_sentence_is_not_spoken_later() -> None:
    """#754, #3191: what was cut off came back in the next turn."""
    world = World(replies=["One two. Three four. Five six. Seven eight.", "At ten."])
    world.over_words = ["No, on Sunday please"]
    call = asked(greeted(world))
    call.wait(0.5).speak(1.2).until(call.listening)
    told_then = len(call.said())
    call.wait(2.6).until(call.speaking).until(call.listening)
    assert call.said()[told_then:] == ["At ten."]


def test_pipecat_754_late_voice_of_an_interrupted_reply_is_dropped() -> None:
    call = asked(greeted(World(replies=[LONG], over_words=["Stop."])))
    turn = call.engine.turn
    call.wait(0.8).speak(0.6).until(call.listening)
    silent = len(call.out)
    call.tell(told.SpeechAudio(turn, 0, voice(1.0)), told.SpeechDone(turn, 0)).wait(1.0)
    assert not any(frame.any() for frame in call.out[silent:])


def test_pipecat_2791_the_history_holds_what_was_heard() -> None:
    call = asked(greeted(World(replies=[LONG, "At ten."], over_words=["No, on Sunday please"])))
    call.wait(1.5).speak(1.2).until(call.listening).wait(2.6).until(call.speaking)
    heard = call.all(do.AskModel)[-1].history[-2].text
    assert heard and LONG.startswith(heard) and heard != LONG
    assert call.bot_notes()[1].heard == heard


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
    """#466, #467: energy measured wrongly, the threshold was never reached."""
    call = asked(greeted(World(replies=[LONG], over_words=["No, on Sunday please"] * 3)))
    call.wait(0.8).hear(voice(1.4, level)).until(call.listening, within=1.0)
    assert call.bot_notes()[1].interrupted


def test_jambonz_676_all_queued_clauses_are_gone_after_an_interruption() -> None:
    """#676, #767: one of several queued prompts was flushed, the others came."""
    world = World(replies=["One two. Three four. Five six. Seven eight."], over_words=["Stop."])
    world.words = ["Hello?", ""]
    call = asked(greeted(world))
    call.wait(0.4).speak(0.6).until(call.listening)
    silent = len(call.out)
    call.wait(2.0)
    assert not any(frame.any() for frame in call.out[silent:])


def test_jambonz_655_an_empty_transcript_does_not_take_the_floor() -> None:
    call = asked(greeted(World(replies=[LONG], over_words=[""] * 9)))
    call.wait(0.8).speak(0.5).until(call.listening)
    assert call.bot_notes()[1].heard == LONG and not call.bot_notes()[1].interrupted


def test_jambonz_545_the_third_and_fourth_barge_in_work_as_the_first() -> None:
    call = greeted(World(replies=[LONG] * 5, over_words=["Stop."] * 9))
    for number in range(4):
        asked(call).wait(0.8).speak(0.5).until(call.listening, within=1.5)
        assert call.bot_notes()[call.engine.turn - 1 if number < 0 else max(call.bot_notes())]
    interrupted = [note for note in call.bot_notes().values() if note.interrupted]
    assert len(interrupted) == 4


def test_cloudflare_2261_after_a_stop_no_buffered_audio_plays_on() -> None:
    call = asked(greeted(World(replies=[LONG * 3], over_words=["Stop."])))
    call.wait(1.0)
    onset = len(call.out)
    call.speak(0.6).wait(1.5)
    sounding = [i for i, frame in enumerate(call.out[onset:]) if frame.any()]
    assert (max(sounding) + 1) * 0.02 <= 0.36, "silent within 360 ms of the first word, for good"
