"""When is the turn over? The policy alone, fed utterances and times."""

from __future__ import annotations

import pytest

from bot.engine.endpoint import Endpoint, Look
from bot.engine.segmenter import Utterance
from bot.persona import TurnSettings

OPEN, CLOSED_QUESTION = "How can I help you?", "Which one do you mean?"


def endpoint(end: str = "adaptive", codec_hz: int = 8000, asked: str = OPEN) -> Endpoint:
    turn = TurnSettings(end=end, min_silence_ms=700)
    made = Endpoint(turn, language="en", codec_hz=codec_hz, inbound_delay_s=0.0)
    made.bot_said(asked)
    return made


def ends_after(policy: Endpoint, words: str | None) -> float:
    """Seconds of silence after which the turn is over, when the pause reads as `words`."""
    utterance = Utterance("u1", started=0.0, speech_end=2.0, speech_s=2.0)
    if words is not None:
        policy.peeked("u1", 2.0, words)
    for tick in range(1, 300):
        if policy.look(utterance, 2.0 + tick * 0.02, peeking=True) is Look.END:
            return tick * 0.02
    raise AssertionError("never")


def test_the_more_complete_the_sooner() -> None:
    texts = ("What time do you open?", "I called last week.", "Hello.", "I would like to")
    waits = [ends_after(endpoint(), text) for text in texts]
    assert waits == pytest.approx([0.76, 1.76, 2.16, 2.5])


def test_a_wide_line_is_understood_better_and_waited_for_less() -> None:
    assert ends_after(endpoint(codec_hz=16_000), "What time do you open?") == pytest.approx(0.7)


def test_never_later_than_fixed_and_fixed_always_the_same() -> None:
    for text in ("What time do you open?", "I would like to", None):
        assert ends_after(endpoint("fixed"), text) == pytest.approx(2.5)
    assert ends_after(endpoint(), None) == pytest.approx(2.5)


def test_a_short_answer_ends_a_turn_that_was_asked_for_it() -> None:
    assert ends_after(endpoint(asked=CLOSED_QUESTION), "The red one.") == pytest.approx(0.76)
    assert ends_after(endpoint(), "The red one.") == pytest.approx(2.16)


@pytest.mark.parametrize("asked", ["What is your phone number?", OPEN])
@pytest.mark.parametrize("end", ["fixed", "adaptive"])
def test_a_number_that_is_not_whole_gets_the_time_of_dictation(end: str, asked: str) -> None:
    assert ends_after(endpoint(end, asked=asked), "My number is 555 013") == pytest.approx(3.5)


def test_a_number_with_a_digit_too_many_is_not_cut_between_its_groups() -> None:
    whole = ends_after(endpoint(asked="What is your phone number?"), "555 013 4479")
    assert 1.2 <= whole <= 1.5


def test_words_held_from_before_count() -> None:
    policy = endpoint()
    policy.held("I would like to make an appointment")
    assert ends_after(policy, "for my son.") == pytest.approx(0.76)


def looked_twice(first: str, second: str, asked: str = OPEN) -> Look:
    """1.9 s after the first words ended, sounds until 1.2 s after them: is the turn over?"""
    policy = endpoint(asked=asked)
    policy.peeked("u1", 2.0, first)
    policy.peeked("u1", 3.2, second)
    utterance = Utterance("u1", started=0.0, speech_end=3.2, speech_s=3.0)
    return policy.look(utterance, 3.9, peeking=False)


def test_voices_in_the_room_without_new_words_do_not_prolong_a_turn() -> None:
    assert looked_twice("I called last week.", "I called last week.") is Look.END
    assert looked_twice("So I called last week.", "I called last week.") is Look.END


def test_new_words_do_and_so_does_speech_that_is_not_understood() -> None:
    assert looked_twice("I called last week.", "I called last week twice.") is Look.LISTEN
    assert looked_twice("", "") is Look.LISTEN
    assert looked_twice("555.", "555.", "What is your phone number?") is Look.LISTEN
