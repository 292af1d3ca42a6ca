"""Whole conversations on the virtual clock."""

from __future__ import annotations

import numpy as np

from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.inputs import Purpose
from bot.engine.state import State
from tests.engine.score import Call, World


def greeted(world: World | None = None, **changes: object) -> Call:
    """A call in which the greeting was heard and the caller has the floor."""
    call = Call(world, **changes)
    return call.wait(0.1).until(call.listening)


def test_a_question_is_answered() -> None:
    call = greeted(World(words=["What time do you open?"], replies=["At nine. See you then."]))
    call.speak(1.2).wait(2.4)
    assert not call.all(do.Transcribe), "a pause shorter than 2.5 s never ends a turn"
    call.wait(0.2).until(call.listening)
    assert call.states() == [
        State.AI_SPEAKING,
        State.WAIT_FOR_USER,
        State.VALIDATING_UTTERANCE,
        State.PROCESSING_USER,
        State.AI_SPEAKING,
        State.WAIT_FOR_USER,
    ]
    assert call.said() == ["Hello there.", "At nine.", "See you then."]
    assert call.bot_notes()[1] == do.NoteBot(
        1, "At nine. See you then.", "At nine. See you then.", False
    )
    (asked,) = call.all(do.AskModel)
    assert asked.history == (
        do.Line("assistant", "Hello there."),
        do.Line("user", "What time do you open?"),
    )


def test_the_ledger_of_a_turn_is_complete_and_in_order() -> None:
    call = greeted()
    call.speak(1.0).wait(2.5).until(call.listening)
    marks = {each.mark: each.at for each in call.all(do.NoteMark) if each.turn == 1}
    assert list(marks) == list(do.Mark)
    assert list(marks.values()) == sorted(marks.values())
    assert abs(marks[do.Mark.TURN_END] - marks[do.Mark.SPEECH_END] - 2.5) < 0.021


def test_one_transcription_per_turn_with_the_id_bound_at_capture() -> None:
    call = greeted()
    for _ in range(3):
        call.speak(0.8).wait(2.6).until(call.listening)
    transcribed = call.all(do.Transcribe)
    assert [each.utterance_id for each in transcribed] == ["c1-u1", "c1-u2", "c1-u3"]
    assert {each.purpose for each in transcribed} == {Purpose.TURN}
    assert [each.turn for each in transcribed] == [1, 2, 3]


def test_pre_roll_keeps_the_first_syllable() -> None:
    call = greeted()
    call.wait(1.0).speak(1.0).wait(2.6)
    (asked,) = call.all(do.Transcribe)
    assert 1.0 + 0.2 + 0.2 <= len(asked.samples) / 48_000 <= 1.0 + 0.2 + 0.35


def test_an_unfinished_sentence_waits_for_its_rest() -> None:
    call = greeted(World(words=["I would like an appointment between", "nine and ten."]))
    call.speak(1.0).wait(3.2)
    assert call.listening() and not call.all(do.AskModel)
    call.speak(1.0).wait(2.6).until(call.speaking)
    (asked,) = call.all(do.AskModel)
    assert asked.history[-1].text == "I would like an appointment between nine and ten."


def test_an_unfinished_sentence_is_answered_in_the_end() -> None:
    call = greeted(World(words=["I would like to"]))
    call.speak(1.0).wait(2.6).until(call.speaking, within=4.0)
    assert call.all(do.AskModel)[0].history[-1].text == "I would like to"


def test_the_caller_goes_on_while_the_model_thinks() -> None:
    call = greeted(World(llm_s=1.2, words=["My name is Ann.", "Can I come today?"]))
    call.speak(1.0).wait(2.9)
    assert call.engine.state is State.PROCESSING_USER
    call.speak(1.0)
    assert call.listening()
    call.wait(2.6).until(call.speaking)
    assert call.all(do.AskModel)[-1].history[-1].text == "My name is Ann. Can I come today?"
    assert call.said() == ["Hello there.", "We open at nine."], "the first reply is never heard"


def test_a_cough_before_the_reply_changes_nothing() -> None:
    """livekit/agents #1229: a cough between the caller's end and the reply, never answered."""
    call = greeted(World(llm_s=0.8))
    call.speak(1.0).wait(2.8).speak(0.2).until(call.speaking, within=1.5)
    assert call.said()[-1] == "We open at nine."


def test_silence_is_met_with_reprompts_then_goodbye() -> None:
    call = greeted()
    call.until(lambda: call.hung_up() is not None)
    assert call.said()[1:] == [
        "Are you still there?",
        "I cannot hear you, so I will hang up now. Goodbye.",
    ]
    assert call.hung_up() == "no input"


def test_the_caller_says_goodbye() -> None:
    call = greeted(World(words=["Thank you, bye."]))
    call.speak(0.8).wait(2.6).until(lambda: call.hung_up() is not None)
    assert call.said()[-1] == "Thank you for calling. Goodbye."
    assert call.hung_up() == "caller said goodbye"
    assert not call.all(do.AskModel)
    assert call.bot_notes()[1].heard == "Thank you for calling. Goodbye."


def test_the_longest_call_ends_with_a_goodbye() -> None:
    call = greeted(max_call_s=5.0)
    call.until(lambda: call.hung_up() is not None)
    assert call.hung_up() == "max length"
    assert 5.0 < call.now < 9.0


def test_a_shutdown_is_told_and_hung_up() -> None:
    call = greeted().speak(0.5)
    call.tell(told.EndRequested("shutdown")).until(lambda: call.hung_up() is not None)
    assert call.said()[-1] == "I am sorry, we have to stop here. Goodbye."


def test_interruption_pauses_and_commits() -> None:
    reply = "We open at nine and close at five, and on Saturday we open at ten and close at one."
    call = greeted(
        World(
            replies=[reply], over_words=["No, wait, Sunday"], words=["Hours?", "No, wait, Sunday"]
        )
    )
    call.speak(0.8).wait(2.6).until(call.speaking).wait(1.5)
    assert call.sound()[-960:].any()
    call.speak(0.4)
    assert not call.sound()[-4000:].any(), "paused within 0.4 s of the onset"
    call.speak(0.6).wait(0.3)
    assert call.listening(), call.story()
    note = call.bot_notes()[1]
    assert note.interrupted and reply.startswith(note.heard) and 0 < len(note.heard) < len(reply)
    call.wait(2.6).until(call.speaking)
    history = call.all(do.AskModel)[-1].history
    assert history[-2] == do.Line("assistant", note.heard)
    assert history[-1] == do.Line("user", "No, wait, Sunday")


def test_a_back_channel_resumes_at_the_exact_sample() -> None:
    """livekit/agents #4039: "mhmm" must not stop the bot for good."""
    plain = greeted(World(replies=["One two three four five six seven eight nine ten."]))
    plain.speak(0.8).wait(2.6).until(plain.speaking).until(plain.listening)
    paused = greeted(
        World(replies=["One two three four five six seven eight nine ten."], over_words=["Mhm."])
    )
    paused.speak(0.8).wait(2.6).until(paused.speaking).wait(0.6).speak(0.4).until(paused.listening)
    assert not paused.bot_notes()[1].interrupted
    assert paused.bot_notes()[1].heard == "One two three four five six seven eight nine ten."
    samples = lambda call: sum(int(abs(f).sum() > 0) for f in call.out)  # noqa: E731
    assert 0 <= samples(paused) - samples(plain) <= 3, "nothing repeated, nothing lost"


def test_empty_transcripts_never_stall() -> None:
    """pipecat #5240: speech was detected, the transcriber returned nothing, silence for ever."""
    call = greeted(World(words=["", "", "", ""]))
    for _ in range(2):
        call.speak(1.0).wait(2.6).until(call.speaking, within=1.0).until(call.listening)
    assert call.said()[1:] == ["Sorry, I did not catch that. Could you say it again?"] * 2
    call.speak(1.0).wait(2.6).until(call.speaking, within=6.0)
    assert call.said()[-1] == "Are you still there?"


def test_a_slow_model_is_bridged_by_a_filler() -> None:
    call = greeted(World(llm_s=3.0))
    call.speak(1.0).wait(2.6).until(call.speaking)
    assert call.said() == ["Hello there.", "One moment.", "We open at nine."]
    call.until(call.listening)
    assert call.bot_notes()[1].heard == "We open at nine."


def test_a_stalled_model_is_apologised_for() -> None:
    call = greeted(World(llm_s=1e9))
    for _ in range(3):
        call.speak(1.0).wait(2.6).until(call.speaking, within=16.0)
        if call.engine._floor.replies.closing is None:
            call.until(call.listening)
    call.until(lambda: call.hung_up() is not None)
    assert call.said()[-1].startswith("I am sorry, something is wrong")


def test_hold_freezes_the_call() -> None:
    call = greeted()
    call.tell(told.HoldChanged(True)).wait(60.0)
    assert call.said() == ["Hello there."] and not call.sound()[-48_000:].any()
    call.tell(told.HoldChanged(False)).speak(1.0).wait(2.6).until(call.speaking)
    assert call.said()[-1] == "We open at nine."


def test_keys_are_answered_like_words() -> None:
    call = greeted()
    call.tell(*(told.DigitPressed(d) for d in "123")).wait(2.2).until(call.speaking)
    assert call.all(do.AskModel)[0].history[-1].text == "1 2 3"


def test_the_interview_is_led_by_the_bot() -> None:
    call = Call(World(replies=["What is a lock?"]), flow="interview")
    call.wait(0.1).until(lambda: "What is a lock?" in call.said())
    assert call.all(do.AskModel)[0].history == (do.Line("assistant", "Hello there."),)


def test_after_the_line_is_gone_only_closing_actions() -> None:
    call = greeted()
    call.speak(0.8).wait(2.6).until(call.speaking).wait(0.4)
    closing = call.engine.finish(call.now)
    assert {type(each) for each in closing} <= {do.NoteBot, do.CancelWork}
    assert call.engine.step(call.out[0], [told.ModelText(1, "late")], call.now + 0.02)[1] == []


def test_voice_that_comes_between_two_ticks_replaces_the_silence_still_queued() -> None:
    call = greeted()
    call.world.tts_s = 1e9
    call.speak(0.8).wait(2.6).until(lambda: len(call.said()) == 2)
    assert not call.engine.can_revise
    late = told.SpeechAudio(1, 0, np.full(4800, 900, np.int16))
    call.engine.handle([late], call.now + 0.011)
    assert call.engine.can_revise
    frame, notes = call.engine.revise(call.now)
    assert frame.all() and call.speaking() and not call.engine.can_revise
    (mark,) = (each for each in notes if isinstance(each, do.NoteMark))
    assert (mark.mark, mark.at) == (do.Mark.FIRST_AUDIO_OUT, call.now)
    call.tick(frame * 0)
    assert call.out[-1].all(), "the next tick goes on where the revised frame ended"


def test_a_filler_that_is_talked_over_fades_out_without_a_click() -> None:
    call = greeted(World(llm_s=1e9, speech_s_per_char=0.3))
    call.speak(0.8).wait(4.3)
    assert call.said()[-1] == "One moment." and call.out[-1].any()
    call.speak(0.6)
    assert call.listening()
    sounding = [index for index, frame in enumerate(call.out) if frame.any()]
    last = call.out[sounding[-1]].astype(int)
    assert np.abs(np.diff(last)).max() < 3000 and not last[480:].any()


def test_a_hum_takes_no_floor_whatever_the_transcriber_makes_of_it() -> None:
    reply = "One two three four five six seven eight nine ten eleven twelve."
    call = greeted(World(replies=[reply], over_words=["in a month"]))
    call.speak(0.8).wait(2.6).until(call.speaking).wait(0.6).speak(0.4).until(call.listening)
    assert not call.bot_notes()[1].interrupted and call.bot_notes()[1].heard == reply


def test_a_short_stop_takes_the_floor() -> None:
    call = greeted(World(over_words=["Stop!"], replies=["One two three four five six seven."]))
    call.speak(0.8).wait(2.6).until(call.speaking).wait(0.6).speak(0.4).until(call.listening)
    assert call.bot_notes()[1].interrupted
