"""Scores about whose turn it is: adaptive end, dictation, keys, validation, stop words, hold."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.inputs import Purpose
from bot.engine.state import State
from tests.engine.score import Call, World, voice
from tests.engine.test_conversation import greeted

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
ADAPTIVE = {"end": "adaptive", "min_silence_ms": 600, "silence_ms": 2500}
REPEAT = "Sorry, I did not catch that. Could you say it again?"


def turns(call: Call) -> list[do.Transcribe]:
    return [each for each in call.all(do.Transcribe) if each.purpose is not Purpose.BARGE_IN]


def wait_for_reply(call: Call) -> float:
    """Seconds from the end of the caller's speech to the model being asked."""
    since = call.now
    call.until(lambda: bool(call.all(do.AskModel)))
    return call.now - since


# ---- adaptive end of turn


def test_a_complete_question_is_answered_early() -> None:
    call = greeted(World(words=["What time do you open?"]), turn=ADAPTIVE).speak(1.2)
    assert wait_for_reply(call) <= 1.2
    assert len(turns(call)) == 1, "the pause's transcript is the turn's"


@pytest.mark.parametrize(
    "text", ["I would like to", "My name is", "Could I come on", "I want an appointment and"]
)
def test_an_incomplete_sentence_gets_the_full_patience(text) -> None:
    call = greeted(World(words=[text], pause_words=[text]), turn=ADAPTIVE).speak(1.2).wait(2.3)
    assert call.listening() and not call.all(do.AskModel)


def test_speech_after_the_pause_makes_its_transcript_void() -> None:
    world = World(words=["I want an appointment and then a taxi."], pause_words=["I want an"])
    call = greeted(world, turn=ADAPTIVE).speak(1.0).wait(0.5).speak(1.0)
    wait_for_reply(call)
    (line,) = [each for each in call.all(do.AskModel)[0].history if each.role == "user"]
    assert line.text == "I want an appointment and then a taxi."


def test_adaptive_is_never_later_than_fixed() -> None:
    call = greeted(World(stt_s=9.0), turn=ADAPTIVE).speak(1.0).wait(2.6)
    assert call.engine.state is State.VALIDATING_UTTERANCE


def test_a_failed_look_at_a_pause_is_made_good_at_the_end_of_the_turn() -> None:
    call = greeted(World(stt_s=1e9), turn=ADAPTIVE).speak(1.0).wait(0.8)
    (peek,) = turns(call)
    assert peek.purpose is Purpose.PAUSE
    call.world.stt_s = 0.2
    call.tell(told.TranscriptionFailed(peek.turn, peek.utterance_id, Purpose.PAUSE))
    call.wait(2.2).until(call.speaking)
    assert call.all(do.AskModel)[0].history[-1].text == "what time do you open"


def test_the_fixed_policy_looks_at_no_pause() -> None:
    call = greeted().speak(1.0).wait(2.4)
    assert not turns(call)


def test_adaptive_answers_what_it_understood_with_its_ledger_complete() -> None:
    call = greeted(World(words=["What time do you open?"]), turn=ADAPTIVE)
    call.speak(1.0).until(call.speaking)
    marks = {each.mark: each.at for each in call.all(do.NoteMark) if each.turn == 1}
    assert list(marks) == list(do.Mark) and list(marks.values()) == sorted(marks.values())


# ---- dictation


def dictated(call: Call, gaps: list[float]) -> Call:
    for gap in gaps:
        call.speak(0.7).wait(gap)
    return call


@pytest.mark.parametrize("end", ["fixed", "adaptive"])
@pytest.mark.parametrize("gap_s", [0.3, 0.6, 0.9])
def test_livekit_3701_a_number_in_groups_is_one_answer(end, gap_s) -> None:
    world = World(replies=["What is your phone number?", "Thank you."], words=["Hello.", "five"])
    call = (
        greeted(world, turn={"end": end})
        .speak(0.8)
        .wait(2.6)
        .until(lambda: len(world.replies) == 1)
    )
    call.until(call.listening)
    before = len(call.all(do.AskModel))
    world.pause_words = ["555", "555 01", "555 01 23", "555 01 23 4"]
    dictated(call, [gap_s] * 4)
    assert call.listening() and len(call.all(do.AskModel)) == before


def test_a_number_that_is_asked_for_is_waited_for_longer() -> None:
    world = World(replies=["What is your phone number?"], words=["Hello.", "It is five five five"])
    call = greeted(world).speak(0.8).wait(2.6).until(lambda: not world.replies)
    call.until(call.listening).speak(0.8).wait(3.0)
    assert call.listening(), "3.5 s while a number is being dictated"


def test_keys_and_words_are_one_answer() -> None:
    call = greeted(World(words=["My number is"]))
    call.speak(0.8).wait(0.6)
    call.tell(*(told.DigitPressed(d) for d in "5550")).wait(2.6).until(call.speaking, within=6.0)
    assert call.all(do.AskModel)[0].history[-1].text == "My number is 5 5 5 0"


def test_keys_before_the_words_come_first() -> None:
    call = greeted(World(words=["that was my number"]))
    call.tell(*(told.DigitPressed(d) for d in "42")).wait(0.5).speak(1.0).wait(2.6)
    call.until(call.speaking)
    assert call.all(do.AskModel)[0].history[-1].text == "4 2 that was my number"


def test_hash_ends_a_dialled_number() -> None:
    call = greeted()
    call.tell(*(told.DigitPressed(d) for d in "123#")).wait(0.3)
    assert call.all(do.AskModel)[0].history[-1].text == "1 2 3"


def test_a_key_interrupts_the_bot() -> None:
    call = greeted(World(replies=[LONG])).speak(0.8).wait(2.6)
    call.until(call.speaking).wait(0.6).tell(told.DigitPressed("1")).wait(0.1)
    assert call.listening() and call.bot_notes()[1].interrupted
    call.wait(2.1).until(lambda: len(call.all(do.AskModel)) == 2)
    assert call.all(do.AskModel)[-1].history[-1].text == "1"


def test_a_key_while_the_model_thinks_joins_the_words() -> None:
    call = greeted(World(words=["Extension please."], llm_s=2.0)).speak(0.8).wait(2.9)
    assert call.engine.state is State.PROCESSING_USER
    call.tell(told.DigitPressed("7")).wait(2.5)
    assert call.all(do.AskModel)[-1].history[-1].text == "Extension please. 7"


# ---- validation


@pytest.mark.parametrize("text", ["I need it between", "um, the", "and", "My name is Ann and"])
def test_unfinished_utterances_are_held_and_joined(text) -> None:
    call = greeted(World(words=[text, "that is all I need"])).speak(1.0).wait(3.0)
    assert call.listening() and not call.all(do.AskModel)
    call.speak(1.0).wait(2.6).until(call.speaking)
    assert call.all(do.AskModel)[0].history[-1].text == f"{text} that is all I need"


def test_a_held_sentence_is_answered_when_nothing_follows() -> None:
    call = greeted(World(words=["I need it between"])).speak(1.0).wait(2.7)
    call.until(call.speaking, within=3.5)
    assert call.all(do.AskModel)[0].history[-1].text == "I need it between"


def noisy(seconds: float) -> np.ndarray:
    """A voice deep in hiss, after enough hiss for the floor to be learnt."""
    noise = np.random.default_rng(3).normal(0, 1500, round(seconds * BUS_HZ))
    return (voice(seconds, 0.12) + noise).astype(np.int16)


def test_nothing_understood_is_asked_for_twice_at_most() -> None:
    call = greeted(World(words=["", "", "", "Hello."]))
    for _ in range(3):
        call.speak(1.0).wait(2.6).until(call.listening)
    assert call.said().count(REPEAT) == 2
    call.speak(1.0).wait(2.6).until(lambda: bool(call.all(do.AskModel)))


def test_after_an_answer_the_requests_to_repeat_start_anew() -> None:
    call = greeted(World(words=["", "", "Hello.", "", ""]))
    for _ in range(5):
        call.speak(1.0).wait(2.6).until(call.listening)
        call.wait(0.1)
    assert call.said().count(REPEAT) == 4


def test_a_click_is_no_turn() -> None:
    call = greeted().wait(0.5).speak(0.04).wait(3.0)
    assert not call.all(do.Transcribe)


# ---- interruptions


@pytest.mark.parametrize("words", ["Stop.", "Wait.", "Excuse me.", "Hold on."])
def test_stop_words_are_acted_on_early(words) -> None:
    world = World(stt_s=0.12, replies=[LONG], over_words=[words] * 4)
    call = greeted(world).speak(0.8).wait(2.6).until(lambda: not world.replies)
    call.until(call.speaking).wait(0.8)
    onset = call.now
    call.speak(0.4).until(call.listening, within=1.0)
    assert call.now - onset <= 0.8
    assert any(e.why == "stop word" for e in call.all(do.NoteDecision))


def test_a_persona_has_stop_words_of_its_own() -> None:
    call = greeted(
        World(replies=[LONG], over_words=["Banana."] * 4), barge_in={"stop_words": ["banana"]}
    )
    call.speak(0.8).wait(2.6).until(call.speaking).wait(0.8).speak(0.4).until(call.listening)
    assert call.bot_notes()[1].interrupted


def test_the_guard_keeps_the_first_moment() -> None:
    call = greeted(World(replies=[LONG], over_words=["No, not that"]), barge_in={"guard_ms": 1000})
    call.speak(0.8).wait(2.6).until(call.speaking)
    call.speak(0.6)
    assert not [e for e in call.all(do.NoteDecision) if e.what == "barge-in paused"]


@pytest.mark.parametrize("behaviour", ["aggressive", "balanced", "conservative"])
def test_a_real_question_takes_the_floor_from_every_persona(behaviour) -> None:
    call = greeted(
        World(replies=[LONG], over_words=["What about Sunday?"] * 4, words=["Hours?"]),
        barge_in={"behaviour": behaviour},
    )
    call.speak(0.8).wait(2.6).until(call.speaking).wait(1.0).speak(1.5)
    call.until(call.listening, within=0.5)
    assert call.bot_notes()[1].interrupted


def test_a_check_that_never_comes_back_does_not_hold_the_bot() -> None:
    call = greeted(World(replies=[LONG])).speak(0.8).wait(2.6)
    call.until(call.speaking).wait(0.8)
    call.world.stt_s = 1e9
    call.speak(0.4).until(call.listening, within=12.0)
    assert call.bot_notes()[1].heard == LONG


def test_interrupting_words_begin_the_next_turn() -> None:
    world = World(replies=[LONG, "At ten."], over_words=["No, on Sunday please"] * 3)
    world.words = ["Hours?", "No, on Sunday please."]
    call = greeted(world).speak(0.8).wait(2.6).until(lambda: len(world.replies) == 1)
    call.until(call.speaking).wait(0.8).speak(1.4).wait(2.6).until(lambda: not world.replies)
    assert call.all(do.AskModel)[-1].history[-1].text == "No, on Sunday please."
    turn = turns(call)[-1]
    assert len(turn.samples) / BUS_HZ >= 1.4, "from its first syllable on"


# ---- hold, failures


def test_a_caller_who_comes_back_from_hold_is_greeted() -> None:
    call = greeted().tell(told.HoldChanged(True)).wait(20.0).tell(told.HoldChanged(False)).wait(0.3)
    assert call.said()[-1] == "Welcome back."


def test_hold_in_mid_sentence_goes_on_where_it_stopped() -> None:
    call = greeted(World(replies=[LONG])).speak(0.8).wait(2.6)
    call.until(call.speaking).wait(0.5).tell(told.HoldChanged(True)).wait(5.0)
    assert not call.out[-1].any()
    call.tell(told.HoldChanged(False)).until(call.listening)
    assert call.bot_notes()[1].heard == LONG


def test_a_model_that_breaks_off_says_what_it_has_and_then_sorry() -> None:
    call = greeted(World(llm_s=1e9)).speak(0.8).wait(2.9)
    turn = call.engine.turn
    call.tell(told.ModelText(turn, "We open at nine. And we cl"), told.ModelFailed(turn))
    call.until(call.speaking).until(call.listening)
    assert call.said()[1:] == [
        "We open at nine.", "Sorry, something went wrong on my side. Could you say that again?"
    ]  # fmt: skip


def test_a_voice_that_breaks_off_is_said_sorry_for() -> None:
    call = greeted(World(replies=["One two. Three four."]))
    call.world.tts_s = 1e9
    call.speak(0.8).wait(2.9)
    turn = call.engine.turn
    call.world.tts_s = 0.1
    call.tell(told.SpeechAudio(turn, 0, voice(0.3)), told.SpeechFailed(turn, 0)).wait(0.3)
    assert call.said()[-1].startswith("Sorry, something went wrong")
    call.until(call.listening)


def test_long_replies_are_rendered_piece_by_piece() -> None:
    sentence = "This is a sentence of about sixty characters, as models do. "
    call = greeted(World(replies=[sentence * 40])).speak(0.8).wait(2.6)
    call.until(call.speaking).wait(0.2)
    assert 0 < len(call.said()) < 15, "the voice works ahead, within bounds"
    call.until(call.listening, within=200.0)
    assert call.bot_notes()[1].heard == (sentence * 40).strip()
