"""Is the bot asked to be quiet? Looked for in what a transcriber makes of a second of speech.

A second holds one or two words, and tiny models mishear them: "stop" comes back as "Stopped." or
"Stab.", "wait" as "Weight.". So short texts are compared by likeness, long ones by their first
words only: "I can't wait" is no order.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz

from bot.engine.wording import words

STOP_PHRASES: dict[str, tuple[str, ...]] = {
    "en": (
        "stop", "stop it", "stop talking", "wait", "wait a minute", "wait a second", "hold on",
        "hang on", "excuse me", "one moment", "one second", "just a moment", "just a second",
        "pardon", "sorry", "no no", "listen", "be quiet", "quiet", "enough", "pause", "shut up",
        "let me speak", "let me finish", "hey",
    ),
    "de": ("stopp", "halt", "warte", "warten sie", "moment", "einen moment", "entschuldigung",
           "nein nein", "ruhe", "genug", "hören sie"),
    "es": ("para", "pare", "espera", "espere", "un momento", "perdón", "disculpe", "basta",
           "no no", "silencio", "escuche"),
    "fr": ("stop", "arrêtez", "attendez", "attends", "un moment", "une seconde", "pardon",
           "excusez moi", "non non", "silence", "écoutez"),
    "it": ("ferma", "fermati", "aspetta", "aspetti", "un momento", "un attimo", "scusi", "scusa",
           "basta", "no no", "silenzio", "ascolti"),
}  # fmt: skip
MISHEARD = {  # by whisper tiny.en, of 0.5 to 1.0 s through G.711
    "en": {
        "stopped": "stop", "stops": "stop", "stab": "stop", "top": "stop", "stuff": "stop",
        "weight": "wait", "waits": "wait", "wade": "wait", "weights": "wait", "way": "wait",
        "hold": "hold on", "hold in": "hold on", "holdin": "hold on", "hold him": "hold on",
        "holding": "hold on", "hang in": "hang on", "hanging": "hang on", "hang": "hang on",
        "excuse": "excuse me", "excuse my": "excuse me", "scuse me": "excuse me",
        "start talking": "stop talking", "and on": "hang on", "hand on": "hang on",
        "party": "pardon", "parden": "pardon", "pardonne": "pardon",
    },
}  # fmt: skip
ALIKE = 86.0  # of 100, letters of a phrase against letters of a short text
SHORT_WORDS = 3  # a text of so many words is compared as a whole
FIRST_WORDS = 3  # of a longer one so many are looked at
LAST_WORDS = 6  # in so short a text the order may also stand at the end: "no, no, please stop"
INVENTED = frozenset("the a they oh uh um and so but".split())  # put before a short word
FUZZY_LETTERS = 4  # a shorter phrase must match exactly


EXPECTED = {  # told to a transcriber that takes a prompt; the last ones weigh most
    "en": "Stop! Wait. Hold on, please. Hang on. Excuse me. One moment. Just a second. Sorry. "
          "Listen.",
}  # fmt: skip


class StopWords:
    """The phrases of a language and of a persona."""

    def __init__(self, language: str = "en", more: Sequence[str] = ()) -> None:
        own = [" ".join(words(each)) for each in more]
        known = EXPECTED.get(language) or sentences(STOP_PHRASES.get(language, ()))
        self.expected = f"{known} {sentences(more)}".strip()
        self._phrases = [*STOP_PHRASES.get(language, ()), *own]
        self._misheard = MISHEARD.get(language, {})

    def heard_in(self, text: str) -> bool:
        """Is one of them what was said, or how it begins?"""
        spoken = words(text)
        while len(spoken) > 1 and spoken[0] in INVENTED:
            del spoken[0]
        if not spoken:
            return False
        end = f" {' '.join(spoken)} "
        if len(spoken) <= LAST_WORDS and any(end.endswith(f" {each} ") for each in self._phrases):
            return True
        if len(spoken) <= SHORT_WORDS:
            whole = " ".join(spoken)
            if whole in self._misheard or any(self._alike(whole, each) for each in self._phrases):
                return True
        begin = f" {' '.join(spoken[:FIRST_WORDS])} "
        if any(begin.startswith(f" {phrase} ") for phrase in self._phrases):
            return True
        return len(spoken) <= SHORT_WORDS and any(f" {each} " in begin for each in self._phrases)

    @staticmethod
    def _alike(said: str, phrase: str) -> bool:
        if said == phrase:
            return True
        return len(phrase) >= FUZZY_LETTERS and fuzz.ratio(said, phrase) >= ALIKE


def sentences(phrases: Sequence[str]) -> str:
    """stop, hold on → "Stop. Hold on."."""
    return " ".join(f"{each[:1].upper()}{each[1:].rstrip('.')}." for each in phrases)
