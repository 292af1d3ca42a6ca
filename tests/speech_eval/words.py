"""Word error rate, after both texts were brought to the words that are spoken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from rapidfuzz.distance import Levenshtein
from unicode_rbnf import FormatPurpose, RbnfEngine

LONGEST = 9  # digits of a number that has a name
YEARS = range(1100, 2000)  # read in two halves
SIGNS = {"%": " percent ", "&": " and ", "+": " plus ", "@": " at "}
NUMBER = re.compile(r"(\$?)(\d[\d,]*)(st|nd|rd|th)?\b")


def words(text: str) -> list[str]:
    """Small letters and numbers as words, without punctuation: what is compared."""
    text = text.lower().replace("’", "'")
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    text = re.sub(r"(?<=\d)[-.](?=\d)", " ", text)  # groups of a telephone number
    text = NUMBER.sub(lambda found: f" {_spoken(*found.groups())} ", text)
    text = re.sub(r"[^a-z' ]", " ", text).replace("'", "")
    return re.sub(r"\bhundred and\b", "hundred", " ".join(text.split())).split()


def _spoken(dollar: str, digits: str, ordinal: str | None) -> str:
    """One number as callers say it: digit by digit, as a year, or as a number."""
    plain = digits.replace(",", "")
    if len(plain) > LONGEST:  # nobody says it as a number; a model that repeats itself writes it
        return " ".join(_named(int(digit)) for digit in plain)
    number = int(plain)
    if ordinal:
        return _named(number, FormatPurpose.ORDINAL)
    if dollar:
        return f"{_named(number)} dollars"
    if plain != digits:
        return _named(number)
    if len(plain) == 4 and number in YEARS:
        return f"{_named(number // 100)} {_named(number % 100)}"
    if len(plain) < 3 and not plain.startswith("0"):
        return _named(number)
    return " ".join(_named(int(digit)) for digit in plain)


@cache
def _named(number: int, purpose: FormatPurpose = FormatPurpose.CARDINAL) -> str:
    return _engine().format_number(number, purpose).text.replace("-", " ")


@cache
def _engine() -> RbnfEngine:
    return RbnfEngine.for_language("en")


def errors(said: Iterable[str], understood: Iterable[str]) -> int:
    """Words to put in, leave out or replace to get from one to the other."""
    return int(Levenshtein.distance(list(said), list(understood)))
