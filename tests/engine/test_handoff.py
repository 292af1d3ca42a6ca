"""A caller asks for a person by a key or by words: no model is asked, the rest is a transfer."""

from __future__ import annotations

import pytest

from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.handoff import asks_in_words
from bot.tool_settings import HandOff
from tests.engine.score import Call, World
from tests.engine.test_conversation import greeted

DESK = "sip:200@pbx.test"
TOOLS = {
    "targets": {"desk": DESK},
    "handoff": {"to": "desk", "digit": "0", "phrases": ["a human", "operator"]},
}


def transferred(call: Call) -> list[tuple[str, str]]:
    return [(each.name, each.target) for each in call.all(do.TransferCall)]


def test_the_key_alone_puts_the_caller_through() -> None:
    call = greeted(tools=TOOLS).tell(told.DigitPressed("0"))
    call.until(lambda: bool(transferred(call)), within=20)
    assert transferred(call) == [("desk", DESK)]
    assert call.all(do.AskModel) == []
    assert call.said()[-1] == "One moment, I will put you through."


def test_within_a_number_the_key_is_a_digit() -> None:
    call = greeted(World(replies=["Thank you."]), tools=TOOLS)
    for digit in "405":
        call.tell(told.DigitPressed(digit)).wait(0.2)
    call.until(call.speaking)
    assert transferred(call) == []
    assert call.all(do.AskModel)[-1].history[-1].text == "4 0 5"


def test_the_key_over_the_bots_own_words_works_as_well() -> None:
    call = Call(tools=TOOLS, greeting="Hello there, this is a long greeting that goes on.")
    call.wait(0.5).tell(told.DigitPressed("0")).until(lambda: bool(transferred(call)), within=20)
    assert transferred(call) == [("desk", DESK)]


def test_words_that_ask_for_a_person_need_no_model() -> None:
    call = greeted(World(words=["Can I talk to a human, please?"]), tools=TOOLS)
    call.speak(1.2).until(lambda: bool(transferred(call)), within=20)
    assert transferred(call) == [("desk", DESK)]
    assert call.all(do.AskModel) == []


def test_who_interrupts_the_words_before_it_stays() -> None:
    call = greeted(
        World(words=["Operator.", "What time do you open?"], over_words=["No, wait a moment."],
              speech_s_per_char=0.2),
        tools=TOOLS,
    )  # fmt: skip
    call.speak(1.0).wait(2.6).until(call.speaking).wait(0.6).speak(1.5).wait(2.6)
    call.until(call.listening, within=60)
    assert transferred(call) == []


def test_a_hand_off_that_fails_takes_the_caller_back_and_may_be_asked_for_again() -> None:
    call = greeted(World(transfer_s=1.0), tools=TOOLS).tell(told.DigitPressed("0"))
    call.until(lambda: "nobody answers there" in call.said()[-1], within=30).until(call.listening)
    call.tell(told.DigitPressed("0")).until(lambda: len(transferred(call)) == 2, within=30)
    assert not call.all(do.HangUpCall)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Operator!", True),
        ("I'd rather speak with a human.", True),
        ("Is the humidity normal?", False),
        ("My co-operator is away.", False),
        ("When I was at the theatre last week there was an operator who had lost his keys.", False),
        ("", False),
    ],
)
def test_only_the_words_themselves_count_and_only_in_a_short_sentence(
    text: str, asks: bool
) -> None:
    settings = HandOff(to="desk", phrases=["a human", "operator"])
    assert asks_in_words(text, settings) == asks
    assert not asks_in_words(text, None)
