"""Does the caller ask for a person, by a key or by words? Reads no clock."""

from __future__ import annotations

from bot.engine.wording import words
from bot.tool_settings import HandOff

MOST_WORDS = 12  # whoever says more tells a story in which a person may well occur


def asks_by_keys(keys: str, settings: HandOff | None) -> bool:
    """`keys` as pressed, alone: within a number a zero is a zero."""
    return settings is not None and keys != "" and keys == settings.digit


def asks_in_words(text: str, settings: HandOff | None) -> bool:
    """One of the phrases, word for word, in a short utterance."""
    spoken = words(text)
    if settings is None or len(spoken) > MOST_WORDS:
        return False
    line = f" {' '.join(spoken)} "
    return any(f" {' '.join(words(phrase))} " in line for phrase in settings.phrases)
