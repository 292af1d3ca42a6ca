"""Stop words, also as a small transcriber mishears them."""

from __future__ import annotations

import pytest

from bot.engine.stop_words import MISHEARD, STOP_PHRASES, StopWords


@pytest.mark.parametrize(
    "text",
    ["Stop.", "Stop!", "Stopped.", "Stab.", "Weight.", "Wait, wait.", "Excuse me, I", "Hold in.",
     "Hang on.", "Please stop.", "Excuse my", "No, no.", "Wait a minute, what about Sunday?"],
)  # fmt: skip
def test_an_order_to_be_quiet(text: str) -> None:
    assert StopWords().heard_in(text)


@pytest.mark.parametrize(
    "text",
    ["", "Mhm.", "Yeah, okay.", "A stopwatch", "I can't wait for it", "Is there a bus stop here",
     "Thank you.", "Right.", "I see.", "in a month.", "Great, sure.", "Uh-huh.", "Oh.", "Hm."],
)  # fmt: skip
def test_no_order(text: str) -> None:
    assert not StopWords().heard_in(text)


@pytest.mark.parametrize(("language", "text"), [("de", "Moment!"), ("fr", "Attendez."),
                                                ("es", "Espera"), ("it", "Aspetti!")])  # fmt: skip
def test_other_languages(language: str, text: str) -> None:
    assert StopWords(language).heard_in(text)
    assert not StopWords("xx").heard_in(text)


def test_a_persona_adds_its_own() -> None:
    assert StopWords("en", ["Banana split"]).heard_in("Banana split!")
    assert not StopWords("en").heard_in("Banana split!")


def test_what_is_misheard_leads_to_a_phrase_there_is() -> None:
    for language, table in MISHEARD.items():
        assert set(table.values()) <= set(STOP_PHRASES[language])
