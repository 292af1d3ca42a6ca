"""Faults that users of other voice bots reported, replayed as scores: dead air, cut-offs, lost
words, clicks. Each is named after its report; what is asserted is what the caller should have
experienced. Those about interruptions are in test_field_barge_in.py."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.inputs import Purpose
from tests.engine.score import BOT_PITCH_HZ, Call, World, voice
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


@pytest.mark.parametrize("end", ["fixed", "adaptive"])
def test_pipecat_5240_speech_without_words_is_asked_about_and_never_met_with_silence(end) -> None:
    call = greeted(World(words=[""] * 9), turn={"end": end})
    since = call.now
    for _ in range(2):
        call.speak(1.0).until(call.speaking, within=3.5).until(call.listening)
        assert call.said()[-1] == "Sorry, I did not catch that. Could you say it again?"
    call.speak(1.0).until(lambda: call.hung_up() is not None)
    assert call.said()[-2:] == ["Are you still there?", call.engine._settings.persona.idle.goodbye]
    assert not quiet_ever(call, since, 5.1)


@pytest.mark.parametrize("stt_s", [0.0, 0.02, 0.5, 3.0, 7.0])
def test_pipecat_4279_a_turn_is_not_skipped_when_its_transcript_is_late_or_early(stt_s) -> None:
    """#3988, #4279 (transcript later than the detector), PR #4098 (earlier than it)."""
    call = greeted(World(stt_s=stt_s))
    since = call.now
    call.speak(1.0).wait(2.6).until(lambda: bool(call.all(do.AskModel)), within=9.0)
    call.until(call.speaking).until(call.listening)
    assert call.bot_notes()[call.engine.turn].heard == "We open at nine."
    assert not quiet_ever(call, since, 5.1)


def test_pipecat_4098_words_that_are_known_before_the_silence_is_over_are_answered() -> None:
    """The transcript came while the detector still waited; nothing was left to start the turn."""
    call = greeted(World(stt_s=0.02, words=["What time do you open?"]), turn={"end": "adaptive"})
    call.speak(1.0).wait(0.5)
    assert call.listening() and len(call.all(do.Transcribe)) == 1, "known, and still listening"
    call.until(call.speaking, within=2.5).until(call.listening)
    assert call.said()[-1] == "We open at nine." and len(call.all(do.Transcribe)) == 1


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
    patience = {"after_s": 3.0, "reprompts": ["Hello?"], "goodbye": "Bye."}
    silent = greeted(idle=patience)
    silent.until(silent.speaking)
    call = greeted(idle=patience)
    call.wait(silent.now - call.now - 0.04).speak(0.08)
    assert not call.speaking() and "Hello?" not in call.said()


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


DICTATED = {  # what is asked for, how it reads in the pauses, and the whole
    "number": ("What is your phone number?", ["555", "555 01", "555 01 23"], "555 01 23 456"),
    "name": ("Could you spell your last name?", ["S C H"], "S C H M I T Z"),
    "mail": ("What is your email address?", ["ann", "ann at"], "ann at example dot com"),
}


@pytest.mark.parametrize("end", ["fixed", "adaptive"])
@pytest.mark.parametrize("what", DICTATED)
def test_livekit_3701_dictation_outlasts_pauses_that_end_a_sentence(what, end) -> None:
    """2.8 s between two groups: more than the 2.5 s that end any other turn."""
    question, groups, whole = DICTATED[what]
    world = World(replies=[question, "Thank you."], pause_words=["Hello."] * (end == "adaptive"))
    call = asked(greeted(world, turn={"end": end})).until(lambda: len(world.replies) == 1)
    call.until(call.speaking).until(call.listening)
    world.pause_words, world.words = [*groups, whole], [whole]
    for _ in groups:
        call.speak(0.7).wait(2.8)
        assert call.listening() and len(call.all(do.AskModel)) == 1, call.story()
    call.speak(0.7).until(call.speaking, within=5.0)
    assert call.all(do.AskModel)[-1].history[-1].text == whole


def test_active_call_75_the_first_word_after_the_answer_is_not_clipped() -> None:
    call = Call(World(over_words=["What time do you open"], words=["What time do you open?"]))
    call.speak(1.4).wait(2.6).until(lambda: bool(call.all(do.AskModel)))
    turn = next(each for each in call.all(do.Transcribe) if each.purpose is Purpose.TURN)
    said = voice(1.4)
    assert np.array_equal(turn.samples[: len(said)], said), "from the first sample, to the last"


def test_ava_527_the_greeting_begins_at_once() -> None:
    call = Call().wait(0.2)
    assert call.out[-1].any(), "voice within 0.2 s of the answer"


def test_ava_217_no_sample_of_the_greeting_is_lost() -> None:
    call = greeted()
    sound = call.sound()
    spoken = voice(len("Hello there.") * 0.05, 0.2, BOT_PITCH_HZ)
    begin = np.flatnonzero(sound)[0] - np.flatnonzero(spoken)[0]
    assert np.array_equal(sound[begin : begin + len(spoken)], spoken)


# ---- sound


@pytest.mark.parametrize("sizes", [[480], [441, 1, 7777], [960], [3000, 37]])
def test_livekit_724_no_click_where_two_chunks_or_two_clauses_meet(sizes) -> None:
    """livekit/sip #724, #348: chunks that are no whole frames left gaps of silence behind them."""
    call = greeted(World(replies=["One two three. Four five six."]))
    call.world.tts_s = 1e9
    call.speak(0.8).wait(2.9)
    turn = call.engine.turn
    tone = (9000 * np.sin(2 * np.pi * 300 * np.arange(2 * BUS_HZ) / BUS_HZ)).astype(np.int16)
    for clause, half in enumerate(np.split(tone, [BUS_HZ + 123])):
        cuts = np.cumsum(np.resize(sizes, len(half)))
        for piece in np.split(half, cuts[cuts < len(half)]):
            call.tell(told.SpeechAudio(turn, clause, piece))
        call.tell(told.SpeechDone(turn, clause))
    begun = len(call.out)
    call.until(call.listening)
    sound = np.concatenate(call.out[begun:])
    start = np.flatnonzero(sound)[0] - 1  # the tone's first sample is zero
    assert np.array_equal(sound[start : start + len(tone)], tone)
