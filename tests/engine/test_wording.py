"""What words mean for taking turns."""

from __future__ import annotations

import pytest

from bot.engine.wording import (
    is_back_channel,
    is_correction,
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


def test_listening_sounds_questions_and_corrections() -> None:
    assert is_back_channel("Mhm.") and is_back_channel("Yeah, okay.") and is_back_channel("")
    assert not is_back_channel("Okay but tomorrow")
    assert is_question("What about Sunday") and is_question("Sunday?")
    assert is_correction("No, the other one") and is_correction("Actually, Sunday")
    assert not is_correction("Yes, no problem")


def test_every_language_has_words_of_its_own() -> None:
    assert is_unfinished("ich möchte einen Termin und", "de")
    assert is_goodbye("Vielen Dank, auf Wiederhören!", "de") and is_goodbye("Hasta luego", "es")
    assert is_back_channel("oui, d'accord", "fr") and is_correction("No, domani", "it")
    assert not is_unfinished("and", "xx"), "a language without a list has no such words"
