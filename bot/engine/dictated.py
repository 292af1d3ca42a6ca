"""What the words themselves show to be dictated: a number, a mail address, a date, a name."""

from __future__ import annotations

import re

from bot.engine.wording import QUESTION_WORDS, words

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
MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)
DAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday today tomorrow".split())
DIGIT_RUN = 3  # so many digits: somebody dictates
AFTER_RUN = 4  # so many words behind them may be digits that were misheard
SPELLED_RUN = 3  # single letters in a row: somebody spells
MONTH_WITHIN = 6  # digits so few words after a month are a date
LEAD_ONLY = 1  # so few words after "my number is": the number is still to come

NUMBER_LEAD = re.compile(
    r"\b(?:my|our|the|his|her|its)(?: (?!of\b)\w+)? (?:number|phone|code|extension|reference)"
    r"(?: is| are|'s)?\b(?! of)|\b(?:call|reach|phone|ring|text) me (?:back )?(?:on|at)\b"
    r"|\b(?:number|phone|code|reference|account|card|extension)\b",
    re.I,
)
MAIL = re.compile(
    r"\be-?mail(?: address)?(?: is|'s|\W*$)|\bmail address\b|\bby e-?mail to\b|@|\bunderscore\b"
    r"|\bat \w+(?: \w+)? dot\b|\bat \w+\.\w{2,}",
    re.I,
)
SPELLS = re.compile(r"\b(?:spelled|i spell|spelt|letter by letter)\b", re.I)
BIRTH = re.compile(r"\b(?:born (?:on|in)|date of birth|birth(?:day| date)? is)\b", re.I)
NO_NUMBER = re.compile(  # times of the day and years
    r"\b\d{1,2}[:.]\d\d\b(?![.-]?\d)|\bat (?:\d\d?|ten|eleven|twelve)\W*$"
    r"|\b(?:in|since|until|of|year) (?:19|20)\d\d\b",
    re.I,
)
YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b|\b(?:nineteen|twenty|thousand)\b", re.I)
ADDRESS = re.compile(r"(?:@|\bat\b).*(?:\.|\bdot\b)\s*\w{2,}", re.I)


def recognised(text: str) -> str:
    """ "number", "mail", "date", "name", or "" for nothing."""
    spoken = words(text.replace("-", " "))
    if not spoken or (text.rstrip().endswith("?") and spoken[0] in QUESTION_WORDS):
        return ""  # "What is your phone number?" asks for one
    if MAIL.search(text):
        return "mail"
    if letters_at_end(text) >= SPELLED_RUN or SPELLS.search(text):
        return "name"
    if BIRTH.search(text):
        return "date"
    if MONTHS & set(spoken[-MONTH_WITHIN:]):
        return ""
    return "number" if _number(text) else ""


def _number(text: str) -> bool:
    told = NO_NUMBER.sub("", text)
    spoken = words(told.replace("-", " "))
    run, behind = _last_run(spoken)
    if run >= DIGIT_RUN and behind <= AFTER_RUN:
        return True
    leads = list(NUMBER_LEAD.finditer(told))
    if not leads:
        return False
    whose = " " in leads[-1][0]  # "my number", "call me on", not "a card"
    return (run > 0 and behind == 0) or (whose and len(words(told[leads[-1].end() :])) <= LEAD_ONLY)


def _is_digit(word: str) -> bool:
    return word.isdigit() or word in DIGITS or word in REPEATS or word in TENS


def _last_run(spoken: list[str]) -> tuple[int, int]:
    """(digits in the last run of digits that is long enough, or at the end; words behind it)."""
    behind = 0
    rest = list(spoken)
    while rest:
        run = 0
        while rest and _is_digit(rest[-1]):
            word = rest.pop()
            run += len(word) if word.isdigit() else 1
        if run >= DIGIT_RUN or (run and not behind):
            return run, behind
        behind += 1 if run == 0 else run
        if rest:
            rest.pop()
    return 0, behind


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


def letters_at_end(text: str) -> int:
    """How many single letters the text ends with: "M I L", "W-E-B.".

    An "a" or "I" that stands alone is a word; after other letters it is one of them.
    """
    letters = 0
    for word in reversed(words(text.replace("-", " "))):
        if len(word) != 1 or word.isdigit():
            break
        letters += 1
    only = words(text)[-1:] if letters == 1 else []
    return 0 if only in (["a"], ["i"]) else letters


def whole_address(text: str) -> bool:
    return ADDRESS.search(text) is not None


def whole_date(text: str, with_year: bool) -> bool:
    spoken = words(text)
    if DAYS & set(spoken) and not with_year:
        return True
    month = bool(MONTHS & set(spoken)) or re.search(r"\d+[/.-]\d+", text) is not None
    day = re.search(r"\d", text) is not None or any(word in TENS for word in spoken)
    return month and day and (not with_year or YEAR.search(text) is not None)
