"""Do the words of a pause read as complete?"""

from __future__ import annotations

import pytest

from bot.engine.completeness import Completeness, breaks_off, judge, wants_a_word

BROKEN, UNSURE = Completeness.BROKEN, Completeness.UNSURE
COMPLETE, CLOSED = Completeness.COMPLETE, Completeness.CLOSED


@pytest.mark.parametrize(
    "text",
    [
        "I would like to",
        "My name is.",
        "I lost my...",
        "Could you send the letter to?",
        "Is it cheaper if?",
        "How do I get from the station to?",
        "The doctor gave me some.",
        "You can call me at home unless.",
        "When I called yesterday.",
        "If I come on Monday.",
        "After the operation.",
        "Even though I took the tablets.",
        "The last time I was there.",
    ],
)
def test_what_goes_on_for_sure(text: str) -> None:
    assert judge(text) is BROKEN


@pytest.mark.parametrize(
    "text",
    [
        "What time do you open?",
        "Where can I park?",
        "Do you have anything free next week?",
        "Which bus stops near you?",
        "When will my results be ready?",
        "When can I come?",
        "If I come at ten, is that too late for the doctor?",
        "I would like to make an appointment, please.",
        "No, thank you.",
        "Please cancel my appointment on Tuesday.",
        "I want to talk to a nurse about my bill.",
    ],
)
def test_what_asks_for_an_answer_in_full(text: str) -> None:
    assert judge(text) is CLOSED


@pytest.mark.parametrize(
    "text",
    [
        "I would like an appointment.",
        "Can I come in?",
        "I called last week.",
        "My son has had a fever since last Sunday evening and he sleeps a lot.",
        "Do I need an appointment?",
    ],
)
def test_whole_sentences_that_may_get_an_addition(text: str) -> None:
    assert judge(text) is COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello?",
        "Good morning, my name is Peter Baker.",
        "I have a question.",
        "I need help.",
        "the medicine that you gave me",  # no full stop: it was not spoken like an end
        "Can you tell me that?",  # Whisper's "that" is often the "the" of more
        "On Monday.",
    ],
)
def test_beginnings_and_what_may_be_one(text: str) -> None:
    assert judge(text) is UNSURE


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("On Monday.", CLOSED),
        ("Anna Miller.", CLOSED),
        ("I think so.", CLOSED),
        ("No, for my wife.", CLOSED),
        ("Yes.", COMPLETE),  # "Yes, that would be fine."
        ("On Monday, um...", BROKEN),
    ],
)
def test_a_word_may_answer_a_question(text: str, grade: Completeness) -> None:
    assert judge(text, asked=True) is grade


def test_the_bot_asks_for_a_word_or_for_a_story() -> None:
    assert wants_a_word("Thank you. Which day would you like?")
    assert not wants_a_word("Hello, this is the clinic. How can I help you?")
    assert not wants_a_word("Why do you want to change it?")
    assert not wants_a_word("We open at eight.") and not wants_a_word("")


def test_only_english_has_rules() -> None:
    assert judge("ich möchte einen Termin und", "de") is BROKEN
    assert judge("Wann haben Sie am Montag geöffnet?", "de") is UNSURE


def test_some_sentences_end_like_broken_ones() -> None:
    assert breaks_off("I am so") and not breaks_off("I think so.")
    assert breaks_off("She was born in") and not breaks_off("May I come in")
