"""From written to spoken: numbers, dates, times, money, phone numbers, addresses as words.

English is done in full; in other languages only addresses and signs are, the voices read digits
themselves. Texts without anything to convert come back unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from unicode_rbnf import FormatPurpose, RbnfEngine
from unicode_rbnf.engine import RbnfError

MONTHS = (
    "January February March April May June July August September October November December"
).split()
DAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
DIGITS = dict(
    zip("0123456789", "oh one two three four five six seven eight nine".split(), strict=True)
)
CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
PLURALS = {"penny": "pence", "foot": "feet"}
UNITS = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram",
    "g": "gram", "mg": "milligram", "ml": "milliliter", "l": "liter", "mph": "mile per hour",
    "km/h": "kilometer per hour", "min": "minute", "h": "hour", "GB": "gigabyte",
    "MB": "megabyte", "kHz": "kilohertz", "Hz": "hertz", "ms": "millisecond", "ft": "foot",
    "lb": "pound", "lbs": "pound",
}  # fmt: skip
ADDRESS_SIGNS = {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore"}
SIGNS = {"&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "×": " times ", "…": "... "}
_IN_ENGLISH = RbnfEngine.for_language("en")
MANY_DIGITS = 5  # a longer run without separators is a code, not an amount
LEAST_PHONE_DIGITS = 7


def spoken(text: str, language: str = "en") -> str:
    """The text as it should be given to a voice."""
    text = _ADDRESS.sub(_address, text)
    if language == "en":
        for pattern, words in _ENGLISH:
            text = pattern.sub(words, text)
        for sign, word in SIGNS.items():
            text = text.replace(sign, word)
        text = re.sub(r"(?<=\w)/(?=\w)", " ", text)
    return " ".join(text.split())


# ---- addresses of the web


def _address(match: re.Match[str]) -> str:
    address = match[0].rstrip(".,;:!?)")
    tail = match[0][len(address) :]
    address = re.sub(r"^(?:https?://)?(?:www\.)?", "", address).rstrip("/")
    for sign, word in ADDRESS_SIGNS.items():
        address = address.replace(sign, f" {word} ")
    return f"{' '.join(address.split())}{tail}"


# ---- numbers


def number(digits: str) -> str:
    """One thousand, two hundred and fifty of "1,250"; three point five oh of "3.50"."""
    whole, _, part = digits.replace(",", "").partition(".")
    words = _in_words(whole or "0")
    return f"{words} point {one_by_one(part)}" if part else words


def _in_words(digits: str, purpose: FormatPurpose = FormatPurpose.CARDINAL) -> str:
    try:
        return _IN_ENGLISH.format_number(digits, purpose).text
    except RbnfError:  # beyond quadrillions there are no words
        return one_by_one(digits)


def one_by_one(digits: str) -> str:
    return " ".join(DIGITS[each] for each in digits if each in DIGITS)


def year(digits: str) -> str:
    return _in_words(digits, FormatPurpose.YEAR)


def ordinal(digits: str) -> str:
    return _in_words(digits, FormatPurpose.ORDINAL)


def _plural(word: str, digits: str) -> str:
    if digits.strip() == "1":
        return word
    first, space, rest = word.partition(" ")
    return f"{PLURALS.get(first, first if first.endswith('z') else first + 's')}{space}{rest}"


def _phone(match: re.Match[str]) -> str:
    """Group by group, so that it can be written down."""
    digits = re.sub(r"\D", "", match[0])
    if len(digits) < LEAST_PHONE_DIGITS or len(digits) > 15:
        return match[0]
    groups = [one_by_one(each) for each in re.findall(r"\d+", match[0])]
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(groups)


def _money(match: re.Match[str]) -> str:
    unit, part = CURRENCIES[match[1]]
    words = f"{number(match[2])} {_plural(unit, match[2])}"
    if not match[3] or match[3] == "00":
        return words
    return f"{words} and {number(match[3])} {_plural(part, match[3].lstrip('0'))}"


def _time(match: re.Match[str]) -> str:
    hour, minute, half = int(match[1]), match[2], (match[3] or "").replace(".", "").upper()
    if hour > 24 or int(minute) > 59:
        return match[0]
    words = number(str(hour))
    if minute == "00":
        words += "" if half else (" o'clock" if 0 < hour <= 12 else " hundred hours")
    else:
        words += f" oh {DIGITS[minute[1]]}" if minute[0] == "0" else f" {number(minute)}"
    return f"{words} {' '.join(half)}".rstrip()


def _half_of_day(match: re.Match[str]) -> str:
    return f"{number(match[1])} {match[2].upper()} M"


def _date(year_digits: str, month: int, day: str) -> str:
    after = f", {year(year_digits)}" if year_digits else ""
    return f"{MONTHS[month - 1]} {ordinal(day)}{after}"


def _iso_date(match: re.Match[str]) -> str:
    month = int(match[2])
    return _date(match[1], month, match[3]) if 1 <= month <= 12 else match[0]


def _slash_date(match: re.Match[str]) -> str:
    month, day = int(match[1]), int(match[2])
    if month > 12:  # day first, as most of the world writes
        month, day = day, month
    return _date(match[3], month, str(day)) if 1 <= month <= 12 and day <= 31 else match[0]


def _month_date(match: re.Match[str]) -> str:
    name = next(each for each in MONTHS if each.lower().startswith(match[1].lower()[:3]))
    return f"{name} {ordinal(match[2])}"


def _unit(match: re.Match[str]) -> str:
    return f"{number(match[1])} {_plural(UNITS[match[2]], match[1])}"


def _degrees(match: re.Match[str]) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit"}.get(match[2] or "", "")
    return f"{number(match[1])} degrees{scale}"


def _range(match: re.Match[str]) -> str:
    return f"{match[1]} to {match[2]}"


def _day(match: re.Match[str]) -> str:
    return DAYS[match[1].lower()]


def _code(match: re.Match[str]) -> str:
    return one_by_one(match[0])


def _plain_number(match: re.Match[str]) -> str:
    digits = match[0].replace(",", "")
    if re.fullmatch(r"(?:19|20)\d\d", match[0]):
        return year(match[0])
    if "." in digits or len(digits) < MANY_DIGITS or "," in match[0]:
        return number(match[0])
    return one_by_one(digits)


_ADDRESS = re.compile(
    r"\bhttps?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|"
    r"\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|de|eu|uk|info|example|dev|gov|edu)\b(?:/[\w./-]*)?",
    re.I,
)
_DAY = "|".join(sorted(DAYS, key=len, reverse=True))
_MONTH = "|".join(rf"{each[:3]}(?:{each[3:]})?" for each in MONTHS)
_UNIT = "|".join(re.escape(each) for each in sorted(UNITS, key=len, reverse=True))
_Words = Callable[[re.Match[str]], str]
_ENGLISH: list[tuple[re.Pattern[str], _Words | str]] = [
    (re.compile(r"\b\d+(?:\.\d+){2,}\b"), lambda m: " point ".join(map(number, m[0].split(".")))),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(r"#(?=\d)|\b[Nn]o\. ?(?=\d)"), "number "),
    (re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b"), _iso_date),
    (re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b"), _slash_date),
    (re.compile(rf"\b({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)", re.I), _month_date),
    (re.compile(r"\b(\d{1,2}):(\d{2})(?: ?([ap]\.m\.|[ap]m\b))?", re.I), _time),
    (re.compile(r"\b(\d{1,2}) ?([ap])(?:\.m\.|m\b)", re.I), _half_of_day),
    (re.compile(r"([$€£]) ?(\d+(?:,\d{3})*)(?:\.(\d{2})\b)?"), _money),
    (re.compile(r"(?:\+|\b)\d[\d() -]*[() -][\d() -]*\d\b"), _phone),
    (re.compile(rf"\b({_DAY})\.? ?[–-] ?(?=(?:{_DAY})\b)", re.I), lambda m: f"{_day(m)} to "),
    (re.compile(r"\b(mon|tues?|wed|thurs?|thu|fri)\b\.?(?= to |,|$)", re.I), _day),
    (re.compile(rf"(?<= to )({_DAY})\b\.?", re.I), _day),
    (re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?) ?[–-] ?(\d+(?:\.\d+)?)(?![\w-])"), _range),
    (re.compile(r"(\d[\d,.]*) ?°([CF])?\b"), _degrees),
    (re.compile(r"(\d[\d,]*(?:\.\d+)?) ?%"), lambda m: f"{number(m[1])} percent"),
    (re.compile(rf"\b(\d[\d,]*(?:\.\d+)?) ?({_UNIT})\b(?!')"), _unit),
    (re.compile(r"\b(\d+)(?:st|nd|rd|th)\b"), lambda m: ordinal(m[1])),
    (re.compile(r"\b0\d+\b"), _code),
    (re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?\b"), _plain_number),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?\b"), _plain_number),
]  # fmt: skip
