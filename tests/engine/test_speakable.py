"""Numbers, dates, addresses and markup, as they are read aloud."""

from __future__ import annotations

import pytest

from bot.engine.markup import plain
from bot.engine.speakable import spoken


@pytest.mark.parametrize(
    ("text", "aloud"),
    [
        ("Call 555-0134.", "Call five five five, oh one three four."),
        ("+1 (555) 010-4477", "plus one, five five five, oh one oh, four four seven seven"),
        ("open at 8:30", "open at eight thirty"),
        ("until 17:05", "until seventeen oh five"),
        ("8 a.m. to 5:00 pm.", "eight A M to five P M."),
        ("at 9:00", "at nine o'clock"),
        ("2026-11-23", "November twenty-third, twenty twenty-six"),
        ("11/23/2026", "November twenty-third, twenty twenty-six"),
        ("Nov. 23rd", "November twenty-third"),
        ("$60, please", "sixty dollars, please"),
        ("€12.50", "twelve euros and fifty cents"),
        ("£1.01", "one pound and one penny"),
        ("1,250 people", "one thousand two hundred fifty people"),
        ("in 1905", "in nineteen oh-five"),
        ("$1,000,000,000,000,000,000,000", f"one {'oh ' * 21}dollars"),
        ("3.5 km", "three point five kilometers"),
        ("25 °C", "twenty-five degrees Celsius"),
        ("42%", "forty-two percent"),
        ("since 1998", "since nineteen ninety-eight"),
        ("Mon–Fri 9–5", "Monday to Friday nine to five"),
        ("24/7", "twenty-four seven"),
        ("https://www.example.com/help-me", "example dot com slash help dash me"),
        ("info@example.com.", "info at example dot com."),
        ("code 48213", "code four eight two one three"),
        ("PIN 0417", "PIN oh four one seven"),
        ("#5 and/or A & B", "number five and or A and B"),
        ("the 1st", "the first"),
        ("version 2.15.1", "version two point fifteen point one"),
        ("No digits, Dr. Weber.", "No digits, Dr. Weber."),
    ],
)
def test_english(text: str, aloud: str) -> None:
    assert spoken(text) == aloud


def test_another_language_leaves_digits_to_the_voice() -> None:
    assert spoken("Um 8:30 Uhr, www.example.de", "de") == "Um 8:30 Uhr, example dot de"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("**Bold**, *it*, __u__ and `x`.", "Bold, it, u and x."),
        ("# Head", "Head"),
        ("> quoted", "quoted"),
        ("- item", "item"),
        ("[our site](http://x.y/z)", "our site"),
        ("Fine 😀 :)", "Fine"),
        ("*laughs softly* Sure!", "Sure!"),
        ("<think>hm\nso</think>Yes.", "Yes."),
        ("snake_case", "snake_case"),
        ("| A | B |", "A, B"),
        ("Tom &amp; Ann<br>ok", "Tom & Ann ok"),
        ("5 * 3", "5 × 3"),
        ("Look:\n```py\nx\n```\nDone", "Look: Done"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
    ],
)
def test_markup(text: str, read: str) -> None:
    assert plain(text) == read
