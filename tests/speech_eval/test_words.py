"""The same words count as the same, however a number is written."""

from __future__ import annotations

import pytest

from tests.speech_eval.words import errors, words


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("555-231-8947.", "five five five two three one eight nine four seven"),
        ("the 12th of March, 1984", "the twelfth of march nineteen eighty four"),
        ("$240, but", "two hundred forty dollars but"),
        ("Two hundred and forty", "two hundred forty"),
        ("It's 39 degrees", "its thirty nine degrees"),
        ("1,200", "one thousand two hundred"),
        ("007", "zero zero seven"),
        ("at 10:15", "at ten fifteen"),
        ("1" + 11 * "0", "one" + 11 * " zero"),
        ("50%", "fifty percent"),
        ("", ""),
    ],
)
def test_numbers_become_words(written, spoken):
    assert words(written) == spoken.split()


def test_errors_are_words_put_in_left_out_or_replaced():
    said = words("I would like to pay")
    assert errors(said, said) == 0
    assert errors(said, words("I would like two pay")) == 1
    assert errors(said, words("would like to pay now")) == 2
    assert errors(said, []) == 5
