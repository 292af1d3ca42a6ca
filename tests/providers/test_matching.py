"""Paraphrases and misheard words find their answer; talk about other things finds none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.persona import load_persona
from bot.providers.matching import Matcher, alike, content

CLINIC = load_persona(Path(__file__).parents[2] / "personas" / "helpful-assistant.toml")
MATCHER = Matcher([answer.ask for answer in CLINIC.answers])

ASKED = [  # written without looking at the persona's own wording
    ("hi, could you please tell me what time do you open tomorrow", "opening hours"),
    ("What time do you open to morrow?", "opening hours"),
    ("when do you guys open", "opening hours"),
    ("uh yeah are you open saturday", "opening hours"),
    ("What time you opened tomorrow?", "opening hours"),
    ("opening hours please", "opening hours"),
    ("yeah hi my daughter has school so I wanted to know what time you open tomorrow",
     "opening hours"),
    ("I'd like to make an appointment please", "appointments"),
    ("can I book an appointment for next week", "appointments"),
    ("I would like to book an apointment", "appointments"),
    ("hello I have to cancel my appointment", "cancelling an appointment"),
    ("what is your adress", "our address"),
    ("where exactly are you located", "our address"),
    ("is there any parking nearby", "parking"),
    ("where can I park the car", "parking"),
    ("I need a new perscription", "prescriptions"),
    ("can I get my prescription renewed", "prescriptions"),
    ("do you accept my insurance", "insurance"),
    ("are my test results back yet", "test results"),
    ("do you have flu shots", "vaccinations"),
    ("how much is a visit", "fees"),
    ("how much do you charge", "fees"),
    ("can I speak to a human please", "speaking to a person"),
]  # fmt: skip
OFF_TOPIC = [
    "What time is it in Tokyo?", "Who won the football game last night?",
    "Where is the Eiffel Tower?", "How do I bake bread?", "My car broke down this morning.",
    "Can you recommend a good restaurant?", "What is the weather tomorrow?",
    "I would like to order a pizza.", "Tell me a joke.", "Is the swimming pool open?",
    "I lost my keys on Saturday.", "Do you sell phones?", "Which movie should I watch?",
    "I want to cancel my internet subscription.", "How tall is Mount Everest?",
    "I bought a new car last week.", "Can you help me with my homework?",
    "What do you think about politics?", "Can you book me a flight to Rome?",
    "Who is the president?", "Play some jazz.", "dot dot dot", "You", "Thank you for watching.",
    "", "uh", "Yes.",
]  # fmt: skip


@pytest.mark.parametrize(("said", "topic"), ASKED)
def test_a_paraphrase_finds_its_answer(said: str, topic: str) -> None:
    match = MATCHER.best(said)
    assert match is not None
    assert CLINIC.answers[match.index].topic == topic


@pytest.mark.parametrize("said", OFF_TOPIC)
def test_off_topic_talk_finds_none(said: str) -> None:
    match = MATCHER.best(said)
    assert match is None or CLINIC.answers[match.index].topic == "", match


def test_every_shipped_question_finds_its_own_answer() -> None:
    for index, answer in enumerate(CLINIC.answers):
        for ask in answer.ask:
            match = MATCHER.best(ask)
            assert match and match.index == index, ask


@given(st.text())
def test_nothing_said_breaks_it(said: str) -> None:
    match = MATCHER.best(said)
    assert match is None or 0.0 <= match.score <= 1.0


def test_words_are_alike_when_misheard_inflected_or_synonymous() -> None:
    assert alike("appointment", "apointment")
    assert alike("open", "opening")
    assert alike("when", "time")
    assert not alike("hours", "time"), "what time it is in Tokyo has nothing to do with ours"
    assert not alike("pay", "day")
    assert not alike("7", "71")
    assert not alike("appointment", "apartment")


def test_content_leaves_manners_out() -> None:
    assert content("Hi, could you please tell me when you open, when? Thanks very much!") == [
        "when",
        "open",
    ]
    assert content("How much is it?") == ["price"]


def test_no_answers_means_no_match() -> None:
    assert Matcher([]).best("When do you open?") is None
