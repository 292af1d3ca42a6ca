"""What words mean for taking turns: unfinished, goodbye, back-channel, stop.

English only for now; a language without a list simply has no such words.
"""

from __future__ import annotations

import re

UNFINISHED = frozenset(
    "and or but so because if when while although between with without about for from of to in "
    "on at by the a an my your our their his her um uh er erm which who that's i'm it's "
    "than".split()
)
BACK_CHANNELS = frozenset(
    "mhm mm mmm hmm hm uh-huh uhhuh aha ah oh okay ok yeah yes yep right sure great nice "
    "i see got it alright thanks thank you um uh".split()
)
STOP_PHRASES = (
    "stop", "wait", "hold on", "hang on", "excuse me", "one moment", "one second", "pardon",
    "sorry", "no no", "listen", "quiet", "enough", "pause",
)  # fmt: skip
QUESTION_WORDS = frozenset(
    "what when where who why how which can could do does did is are will would should may".split()
)
GOODBYE_PHRASES = ("bye", "goodbye", "good bye", "bye bye", "hang up", "see you", "that's all")
GOODBYE_MAX_WORDS = 8  # "I wanted to say goodbye to my old doctor before ..." is no goodbye


def words(text: str) -> list[str]:
    """Lower-case words, apostrophes kept: "That's all, bye!" → that's all bye."""
    return re.findall(r"[a-z0-9]+(?:['-][a-z]+)*", text.lower().replace("\u2019", "'"))


def is_unfinished(text: str) -> bool:
    """Does the sentence break off: "I would like to …", "between", a trailing dash?"""
    spoken = words(text)
    if not spoken or text.rstrip().endswith(("?", "!")):
        return False
    return spoken[-1] in UNFINISHED or text.rstrip().endswith(("...", "\u2026", "-", ","))


def is_goodbye(text: str) -> bool:
    """Does the caller end the conversation with these words?"""
    spoken = words(text)
    if not spoken or len(spoken) > GOODBYE_MAX_WORDS:
        return False
    sentence = " ".join(spoken)
    return any(sentence.endswith(phrase) for phrase in GOODBYE_PHRASES)


def is_back_channel(text: str) -> bool:
    """Only sounds of listening: "mhm", "yeah okay", "I see"."""
    return all(word in BACK_CHANNELS for word in words(text))


def has_stop_phrase(text: str) -> bool:
    """Is the bot asked to be quiet?"""
    sentence = f" {' '.join(words(text))} "
    return any(f" {phrase} " in sentence for phrase in STOP_PHRASES)


def is_question(text: str) -> bool:
    spoken = words(text)
    return bool(spoken) and (spoken[0] in QUESTION_WORDS or text.rstrip().endswith("?"))
