"""What words mean for taking turns: unfinished, goodbye, back-channel, question, correction.

One list per language; a language without a list simply has no such words.
"""

from __future__ import annotations

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNFINISHED = {
    "en": _set(
        "and or but so because if when while although between with without about for from of to "
        "in on at by the a an my your our their his her um uh er erm which who that's i'm it's than"
    ),
    "de": _set("und oder aber weil wenn zwischen mit ohne für von zu in auf der die das ein eine "
               "mein ihr äh ähm dass als"),
    "es": _set("y o pero porque si cuando entre con sin para por de a en el la los las un una mi "
               "su eh que"),
    "fr": _set("et ou mais parce si quand entre avec sans pour par de à en le la les un une mon "
               "votre euh que"),
    "it": _set("e o ma perché se quando tra con senza per da di a in il la i le un una mio suo "
               "eh che"),
}  # fmt: skip
BACK_CHANNELS = {
    "en": _set(
        "mhm mm mmm hmm hm mm-hmm mmhmm mhmm uh-huh uhhuh uh huh aha ah oh okay ok yeah yes yep "
        "yup right sure great nice good i see got it alright all thanks thank you um er erm cool "
        "fine true exactly wow really well"
    ),
    "de": _set("mhm hm ja jaja okay ok gut genau ach so aha verstehe klar danke äh ähm richtig"),
    "es": _set("mhm hm sí si vale ok claro ya entiendo bueno gracias ajá eh exacto"),
    "fr": _set("mhm hm oui ouais ok d'accord bien ah je vois merci euh exact"),
    "it": _set("mhm hm sì si ok va bene certo capisco ah grazie eh esatto giusto"),
}
QUESTION_WORDS = _set(
    "what when where who why how which can could does did do is are will would should may"
)
CORRECTIONS = {
    "en": _set("no nope wrong actually but not never"),
    "de": _set("nein falsch aber nicht doch"),
    "es": _set("no pero mal"),
    "fr": _set("non mais faux"),
    "it": _set("no ma sbagliato"),
}
DENIALS = {  # said alone, and meant: no hum is ever heard as one (tests/eval, 206 clips)
    "en": _set("no nope"),
    "de": _set("nein"),
    "es": _set("no"),
    "fr": _set("non"),
    "it": _set("no"),
}
GOODBYES = {
    "en": ("bye", "goodbye", "good bye", "bye bye", "hang up", "see you", "that's all"),
    "de": ("tschüss", "auf wiederhören", "auf wiedersehen", "ciao"),
    "es": ("adiós", "hasta luego", "chao"),
    "fr": ("au revoir", "à bientôt", "salut"),
    "it": ("arrivederci", "ciao", "addio"),
}
GOODBYE_MAX_WORDS = 8  # "I wanted to say goodbye to my old doctor before ..." is no goodbye


def words(text: str) -> list[str]:
    """Lower-case words, apostrophes kept: "That's all, bye!" → that's all bye."""
    return re.findall(r"[^\W_]+(?:['-][^\W\d_]+)*", text.lower().replace("\u2019", "'"))


def is_unfinished(text: str, language: str = "en") -> bool:
    """Does the sentence break off: "I would like to …", "between", a trailing dash?"""
    spoken = words(text)
    if not spoken or text.rstrip().endswith(("?", "!")):
        return False
    broken = text.rstrip().endswith(("...", "\u2026", "-", ","))
    return broken or spoken[-1] in UNFINISHED.get(language, ())


def is_goodbye(text: str, language: str = "en") -> bool:
    """Does the caller end the conversation with these words?"""
    spoken = words(text)
    if not spoken or len(spoken) > GOODBYE_MAX_WORDS:
        return False
    sentence = f" {' '.join(spoken)}"
    return any(sentence.endswith(f" {phrase}") for phrase in GOODBYES.get(language, ()))


def is_back_channel(text: str, language: str = "en") -> bool:
    """Only sounds of listening: "mhm", "yeah okay", "I see"."""
    return not content_words(text, language)


def content_words(text: str, language: str = "en") -> list[str]:
    """The words that are more than sounds of listening."""
    return [word for word in words(text) if word not in BACK_CHANNELS.get(language, ())]


def is_question(text: str) -> bool:
    spoken = words(text)
    return bool(spoken) and (spoken[0] in QUESTION_WORDS or text.rstrip().endswith("?"))


def is_correction(text: str, language: str = "en") -> bool:
    """Does it begin with "no", "but", "actually": the bot is on the wrong track?"""
    spoken = words(text)
    return bool(spoken) and spoken[0] in CORRECTIONS.get(language, ())


def is_denial(text: str, language: str = "en") -> bool:
    """Is it a "no", whatever follows?"""
    spoken = words(text)
    return bool(spoken) and spoken[0] in DENIALS.get(language, ())
