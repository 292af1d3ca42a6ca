"""Is a number, mail address, date or name being dictated, and is it all there?

People dictate in groups with pauses that are longer than those between sentences. What is
dictated is known from the bot's question or from the words themselves.
"""

from __future__ import annotations

import re

from bot.engine.wording import words

ASKS = {  # in the bot's sentence; looked for in this order
    "mail": r"e-?mail|mail address",
    "date": r"date of birth|birth ?date|born|which date|what date|which day",
    "name": r"spell|your (?:full |last |first |family )?name|who am i speaking|surname",
    "number": r"number|digits|code|\bpin\b|postcode|zip|extension|reference",
}
ASKING = re.compile(r"\?|please|tell me|give me|may i have|spell|enter|dictate|say your", re.I)
DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
TENS = {
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty",
    "ninety", "hundred", "thousand",
}  # fmt: skip
REPEATS = {"double": 2, "triple": 3}
NUMBER_WORDS = r"\b(?:number|phone|call me (?:on|at|back)|code|reference|account|card|extension)\b"
MONTHS = (
    "january february march april may june july august september october november december"
).split()
SPELLED_RUN = 3  # single letters in a row: somebody spells
DIGIT_RUN = 3  # digits at the end: somebody dictates
PHONE_DIGITS = 10
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

    def incomplete(self, text: str) -> bool:
        """Is something being dictated of which a part is missing?"""
        if not self._english or not text:
            return False
        match recognised(text) or (self._asked if not _declines(text) else ""):
            case "number":
                digits = digits_in(text)
                return digits < self._digits_wanted and (bool(digits) or self._asked == "number")
            case "mail":
                return re.search(r"(?:@|\bat\b).*(?:\.|\bdot\b)\s*\w{2,}", text.lower()) is None
            case "date":
                return not _whole_date(text)
            case "name":
                return _spelling(words(text))
        return False


def asked_for(text: str) -> str:
    """What kind of dictation the bot's last sentence asks for, "" for none."""
    sentences = [each for each in re.split(r"(?<=[.?!])\s+", text.lower()) if each]
    for sentence in sentences[-2:]:
        if ASKING.search(sentence):
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


def digits_in(text: str) -> int:
    """How many digits were dictated: "double five", "oh", "555-0134"."""
    count, times = 0, 1
    for word in words(text.replace("-", " ")):
        if word in REPEATS:
            times = REPEATS[word]
        elif word in DIGITS:
            count, times = count + times, 1
        elif word.isdigit():
            count, times = count + len(word), 1
        elif word in TENS:
            count, times = count + (1 if word.endswith("ty") or word == "hundred" else 2), 1
    return count


def recognised(text: str) -> str:
    """What the words themselves show to be dictated."""
    spoken = words(text.replace("-", " "))
    if not spoken:
        return ""
    if re.search(r"e-?mail|@|\bat \w+ dot\b", text.lower()):
        return "mail"
    if _spelling(spoken):
        return "name"
    tail = 0
    for word in reversed(spoken):
        if not (word.isdigit() or word in DIGITS or word in REPEATS or word in TENS):
            break
        tail += len(word) if word.isdigit() else 1
    if tail >= DIGIT_RUN or (tail and re.search(NUMBER_WORDS, text.lower())):
        return "number"
    return "number" if re.search(NUMBER_WORDS + r"(?: is| are)?\W*$", text.lower()) else ""


def _spelling(spoken: list[str]) -> bool:
    """Do the words end with letters that are spelled?"""
    run = 0
    for word in reversed(spoken):
        if len(word) != 1 or word.isdigit() or (word in ("a", "i") and not run):
            break
        run += 1
    return run >= SPELLED_RUN


def _whole_date(text: str) -> bool:
    spoken = words(text)
    month = any(word in MONTHS for word in spoken) or re.search(r"\d+[/.-]\d+", text)
    return bool(month) and bool(re.search(r"\d", text) or any(word in TENS for word in spoken))


def _declines(text: str) -> bool:
    """Does the caller answer with something else than what was asked for?"""
    return bool(re.search(r"\b(?:don't|do not|no|why|not|can't|what|who|rather)\b", text.lower()))
