"""What words mean for taking turns."""

from __future__ import annotations

import pytest

from bot.engine.sentences import ClauseCutter
from bot.engine.wording import (
    has_stop_phrase,
    is_back_channel,
    is_goodbye,
    is_question,
    is_unfinished,
)


@pytest.mark.parametrize(
    "text", ["I need an appointment and", "somewhere between", "Um, the", "I would...", "to my"]
)
def test_unfinished(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize("text", ["", "Yes.", "What is it for?", "Nine to five.", "Come in!"])
def test_finished(text: str) -> None:
    assert not is_unfinished(text)


@pytest.mark.parametrize(
    "text", ["Bye.", "Okay, thank you, goodbye!", "That's all.", "Thanks, bye bye."]
)
def test_goodbye(text: str) -> None:
    assert is_goodbye(text)


@pytest.mark.parametrize(
    "text",
    ["", "Can I buy something?", "I said goodbye to my old doctor before I came to see you."],
)
def test_no_goodbye(text: str) -> None:
    assert not is_goodbye(text)


def test_listening_sounds_questions_and_stops() -> None:
    assert is_back_channel("Mhm.") and is_back_channel("Yeah, okay.") and is_back_channel("")
    assert not is_back_channel("Okay but tomorrow")
    assert is_question("What about Sunday") and is_question("Sunday?")
    assert has_stop_phrase("Please stop.") and has_stop_phrase("Excuse me, I")
    assert not has_stop_phrase("A stopwatch")


def test_clauses_come_as_early_as_they_can_be_spoken() -> None:
    cutter = ClauseCutter("en")
    stream = (
        "Good morning to you and yours, Dr. Smith is in. He sees people at 3.30 p.m. today. Bye"
    )
    given = [clause for word in stream.split(" ") for clause in cutter.feed(word + " ")]
    given += cutter.end()
    assert given[0] == "Good morning to you and yours,"
    assert " ".join(given) == stream
    assert not any(clause in ("Dr.", "p.m.") for clause in given)


def test_nothing_unspeakable_is_given_out() -> None:
    cutter = ClauseCutter("en")
    assert cutter.feed("... ") + cutter.feed(" -- ") + cutter.end() == []
