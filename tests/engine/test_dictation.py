"""What is being dictated, and is it all there?"""

from __future__ import annotations

import pytest

from bot.engine.dictated import digits_in, letters_at_end, recognised
from bot.engine.dictation import Dictation, asked_for, digits_asked


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My number is 555.", "number"),
        ("My phone number is", "number"),
        ("You can reach me at 206. I bake one.", "number"),  # "five eight one", misheard
        ("Please call me back on 773", "number"),
        ("5-5-5", "number"),
        ("It is anna at example dot com", "mail"),
        ("My mail address is John.", "mail"),
        ("You can send it by email to Mary Jones 9.", "mail"),
        ("That is spelled M-I-L.", "name"),
        ("W E B", "name"),
        ("He was born on May 21st.", "date"),
        ("My date of birth is March", "date"),
    ],
)
def test_words_show_what_is_dictated(text: str, kind: str) -> None:
    assert recognised(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "What is your phone number?",
        "Could you send me the results by email?",
        "What is your email address?",
        "My appointment is at 10:30.",
        "We moved here in 2010.",
        "I lost your number.",
        "My number is still the same.",
        "Please call me back.",
        "Call me at ten.",
        "I would like to come on March 12.",
        "I was born here.",
        "I will be about 10 minutes late.",
        "",
    ],
)
def test_what_is_no_dictation(text: str) -> None:
    assert recognised(text) == ""


def told(question: str, text: str) -> Dictation:
    dictation = Dictation()
    dictation.asked_by(question)
    dictation.heard(text)
    return dictation


NUMBER, MAIL = "What is your phone number?", "What is your e-mail address?"
BORN, SPELL = "What is your date of birth?", "Please spell your last name."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (NUMBER, "555-013"),
        (NUMBER, "time time time"),  # what Whisper makes of fives
        (NUMBER, "No, one seven nine"),  # and of an "oh"
        (MAIL, "Peter Baker at"),
        (BORN, "the 4th of July"),
        (SPELL, "M I L"),
        (SPELL, "S M I"),
        (SPELL, "S M A"),
        ("How can I help?", "My number is 555"),
        ("How can I help?", "My date of birth is March the 12th"),
    ],
)
def test_a_part_is_missing(question: str, text: str) -> None:
    assert told(question, text).incomplete(text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (NUMBER, "555 013 4479"),
        (NUMBER, "double five five oh one three double four seven nine"),
        ("Please enter your four digit code.", "1 2 3 4"),
        (MAIL, "Peter Baker at mail.org"),
        (BORN, "He was born on May 21, 2003."),
        (SPELL, "W-E-B-S-T-E-R."),
    ],
)
def test_it_is_all_there(question: str, text: str) -> None:
    assert told(question, text).complete(text) and not told(question, text).incomplete(text)


def test_who_declines_is_not_waited_for() -> None:
    assert not told(NUMBER, "I don't have one.").incomplete("I don't have one.")
    assert not told("How can I help?", "Hello there.").complete("Hello there.")


def test_a_day_needs_no_year_unless_it_is_a_birthday() -> None:
    for text in ("March 12th", "On Monday."):
        assert not told("Which day would suit you?", text).incomplete(text)


def test_what_the_bot_asks_for() -> None:
    assert asked_for("Thank you. What is your phone number?") == "number"
    assert asked_for("Is your number still the same?") == ""
    assert asked_for("Could you tell me your number?") == "number"
    assert asked_for("Your number is saved.") == "" and asked_for(SPELL) == "name"
    assert (digits_asked("the six digit code"), digits_asked(NUMBER)) == (6, 10)


def test_digits_and_letters_are_counted_as_they_are_said() -> None:
    assert digits_in("555-0134") == 7 and digits_in("double five, oh, twelve") == 5
    assert letters_at_end("W-E-B.") == 3 and letters_at_end("I need a") == 0
