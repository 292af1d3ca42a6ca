"""Is a number, mail address, date or name being dictated, and is it all there?

People dictate in groups with pauses that are longer than those between sentences. What is
dictated is known from the bot's question or from the words themselves (`dictated`).
"""

from __future__ import annotations

import re

from bot.engine.dictated import (
    BIRTH,
    DIGITS,
    SPELLED_RUN,
    digits_in,
    letters_at_end,
    recognised,
    whole_address,
    whole_date,
)

ASKS = {  # in the bot's sentence; looked for in this order
    "mail": r"e-?mail|mail address",
    "date": r"date of birth|birth ?date|born|which date|what date|which day",
    "name": r"spell|your (?:full |last |first |family )?name|who am i speaking|surname",
    "number": r"number|digits|code|\bpin\b|postcode|zip|extension|reference",
}
ASKING = re.compile(r"\?|please|tell me|give me|may i have|spell|enter|dictate|say your", re.I)
YES_NO = re.compile(r"(?:and |so )?(?:is|are|was|do|does|did|has|have|shall|should)\b")  # no asking
PHONE_DIGITS = 10
NAME_LETTERS = 4  # few names are shorter
HOW_MANY = {**{word: int(digit) for word, digit in DIGITS.items()}, "ten": 10, "eleven": 11}


class Dictation:
    """One per call; told what was asked and what has been understood so far."""

    def __init__(self, language: str = "en") -> None:
        self._english = language == "en"
        self._question = ""
        self._asked = ""
        self._begun = ""
        self._digits_wanted = PHONE_DIGITS

    @property
    def wanted(self) -> str:
        """What the bot asked for: "number", "mail", "date", "name" or ""."""
        return self._asked

    @property
    def kind(self) -> str:
        """What is being dictated, by the question or by the words."""
        return self._begun or self._asked

    def asked_by(self, text: str) -> None:
        """What the bot said last."""
        if text == self._question:
            return
        self._question, self._begun = text, ""
        self._asked = asked_for(text) if self._english else ""
        self._digits_wanted = digits_asked(text)

    def heard(self, text: str) -> None:
        """All words of the answer so far."""
        self._begun = recognised(text) if self._english else ""

    def complete(self, text: str) -> bool:
        """Do the words themselves show something dictated, and all of it?"""
        return bool(self._english and recognised(text)) and not self.incomplete(text)

    def incomplete(self, text: str) -> bool:
        """Is something being dictated of which a part is missing?"""
        if not self._english or not text:
            return False
        match recognised(text) or (self._asked if not _declines(text) else ""):
            case "number":
                return digits_in(text) < self._digits_wanted
            case "mail":
                return not whole_address(text)
            case "date":
                born = BIRTH.search(text) or re.search(r"birth|born", self._question, re.I)
                return not whole_date(text, with_year=bool(born))
            case "name":
                return SPELLED_RUN <= letters_at_end(text) < NAME_LETTERS
        return False


def asked_for(text: str) -> str:
    """What kind of dictation the bot's last sentence asks for, "" for none."""
    sentences = [each for each in re.split(r"(?<=[.?!])\s+", text.lower()) if each]
    for sentence in sentences[-2:]:
        if ASKING.search(sentence) and not YES_NO.match(sentence):
            for kind, pattern in ASKS.items():
                if re.search(pattern, sentence):
                    return kind
    return ""


def digits_asked(text: str) -> int:
    """How many digits a number has that the bot asks for; a phone number's when it says nothing."""
    found = re.search(r"(\w+)[- ]digits?\b", text.lower())
    if found and (found[1].isdigit() or found[1] in HOW_MANY):
        return int(found[1]) if found[1].isdigit() else HOW_MANY[found[1]]
    if re.search(r"\bpin\b|code\b", text.lower()):
        return 4
    return 5 if re.search(r"zip|postcode", text.lower()) else PHONE_DIGITS


def _declines(text: str) -> bool:
    """Does the caller answer with something else than what was asked for?"""
    if digits_in(text) > 1:  # more than "not one"
        return False  # "oh" is often understood as "no"
    return bool(re.search(r"\b(?:don't|do not|no|why|not|can't|what|who|rather)\b", text.lower()))
