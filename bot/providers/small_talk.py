"""What callers say to any persona: thanks, goodbye, "say that again", "what can you do?"."""

from __future__ import annotations

from enum import StrEnum

from bot.providers.matching import spoken_words


class Talk(StrEnum):
    REPEAT = "repeat"
    GOODBYE = "goodbye"
    THANKS = "thanks"
    HELP = "help"
    HELLO = "hello"
    STOP = "stop"  # what is left of an interruption


PHRASES = {  # looked for in this order
    Talk.REPEAT: (
        "repeat that", "repeat it", "repeat the question", "say that again", "say it again",
        "come again", "pardon", "did not hear you", "didn't hear you", "did not catch that",
        "didn't catch that", "once more", "can you repeat", "could you repeat",
    ),
    Talk.GOODBYE: ("goodbye", "good bye", "bye", "that's all", "that is all", "hang up"),
    Talk.THANKS: ("thank you", "thanks", "cheers"),
    Talk.HELP: (
        "what can you do", "how can you help", "what can you help", "can you help me", "help me",
        "what do you know", "what can i ask", "who are you",
    ),
    Talk.STOP: (
        "stop", "wait", "hold on", "hang on", "one moment", "just a moment", "excuse me",
        "i have a question", "let me speak",
    ),
    Talk.HELLO: ("hello", "hi", "hey", "good morning", "good afternoon", "good evening"),
}  # fmt: skip
MOST_WORDS = {  # in a longer sentence the phrase is only manners
    Talk.REPEAT: 12, Talk.GOODBYE: 8, Talk.THANKS: 6, Talk.HELP: 9, Talk.STOP: 7, Talk.HELLO: 4,
}  # fmt: skip


def small_talk(said: str) -> Talk | None:
    """What kind of small talk the caller's words are, None when they are about something."""
    words = spoken_words(said)
    sentence = f" {' '.join(words)} "
    for talk, phrases in PHRASES.items():
        if len(words) <= MOST_WORDS[talk] and any(f" {each} " in sentence for each in phrases):
            return talk
    return None
