"""What a model wants to be done to the call: once its words have been heard, and only then."""

from __future__ import annotations

import itertools
import json

import pytest

from bot.audio.frame import FRAME_S
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.inputs import Control
from tests.engine.score import Call, World
from tests.engine.test_conversation import greeted

SALES = (Control.TRANSFER, "sip:200@pbx.test", "sales")
HANG_UP = (Control.HANG_UP,)
TOOLS = {
    "use": ["hang_up", "transfer", "send_digits"],
    "targets": {"sales": "sip:200@pbx.test"},
}
SLOW = 0.2  # seconds of voice per character


def asked(world: World, **changes: object) -> Call:
    """The caller has asked for something, and the bot is about to answer."""
    call = greeted(world, tools=TOOLS, **changes)
    return call.speak(1.0).wait(2.6).until(call.speaking)


def test_the_call_ends_when_the_goodbye_was_heard_to_its_end() -> None:
    call = asked(World(replies=["Thank you for calling."], wishes=[[HANG_UP]]))
    assert call.hung_up() is None
    call.until(lambda: call.hung_up() is not None)
    assert call.hung_up() == "the bot hung up"
    voice_s = len("Thank you for calling.") * 0.05
    begun = next(each.at for each in call.all(do.NoteMark) if each.mark is do.Mark.FIRST_AUDIO_OUT
                 and each.turn == 1)  # fmt: skip
    assert call.now - begun >= voice_s, "the last word was cut off"
    assert call.bot_notes()[1].heard == "Thank you for calling."


def test_a_caller_who_interrupts_the_goodbye_stays_on_the_line() -> None:
    world = World(replies=["Thank you for calling, and have a nice day."], wishes=[[HANG_UP]],
                  over_words=["wait a moment please"], speech_s_per_char=SLOW)  # fmt: skip
    call = asked(world)
    call.wait(0.6).speak(1.5).wait(2.6).until(call.listening, within=60)
    assert call.hung_up() is None
    assert len(call.all(do.AskModel)) == 2, "what they said was answered"


def test_a_transfer_waits_for_the_words_and_then_for_the_other_side() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]]))
    assert not call.all(do.TransferCall)
    call.until(lambda: bool(call.all(do.TransferCall)))
    (transfer,) = call.all(do.TransferCall)
    assert (transfer.name, transfer.target) == ("sales", "sip:200@pbx.test")
    assert call.bot_notes()[1].heard == "I put you through."


def test_a_caller_who_waits_for_a_transfer_is_kept_company_and_not_transcribed() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]]), dead_air_s=3.0)
    call.until(lambda: bool(call.all(do.TransferCall)))
    before = len(call.all(do.Transcribe))
    call.wait(6.0).speak(1.0).wait(6.0)
    assert len(call.all(do.Transcribe)) == before
    assert longest_silence_s(call) <= 3.0
    assert not call.all(do.HangUpCall) and len(call.all(do.TransferCall)) == 1


def test_a_transfer_nothing_is_heard_of_gives_the_caller_back() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]]))
    call.until(call.listening, within=60)
    call.until(call.listening, within=60)
    call.until(lambda: "nobody answers there" in call.said()[-1], within=60)
    call.until(call.listening).speak(1.0).wait(2.6).until(call.speaking)
    assert call.said()[-1] == "We open at nine."


def test_a_refused_transfer_is_told_and_the_model_knows_of_it() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]], transfer_s=0.5))
    call.until(lambda: "nobody answers there" in call.said()[-1])
    call.until(call.listening).speak(1.0).wait(2.6).until(call.speaking)
    history = call.all(do.AskModel)[-1].history
    assert [line.text for line in history if line.role == "assistant"][-1].startswith("I am sorry")


def test_a_transfer_is_not_made_twice_when_its_failure_is_told_twice() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]], transfer_s=0.5))
    call.until(lambda: bool(call.all(do.TransferCall)))
    turn = call.all(do.TransferCall)[0].turn
    call.wait(0.6).tell(told.TransferFailed(turn)).wait(8.0)
    assert len(call.all(do.TransferCall)) == 1
    assert sum("nobody answers" in text for text in call.said()) == 1


def test_a_key_pressed_while_being_put_through_disturbs_nothing() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]]))
    call.until(lambda: bool(call.all(do.TransferCall)))
    call.tell(told.DigitPressed("5")).wait(4.0)
    assert len(call.all(do.AskModel)) == 1 and len(call.all(do.TransferCall)) == 1


def test_a_shutdown_while_being_put_through_says_goodbye() -> None:
    call = asked(World(replies=["I put you through."], wishes=[[SALES]]))
    call.until(lambda: bool(call.all(do.TransferCall)))
    call.tell(told.EndRequested("shutdown")).until(lambda: call.hung_up() is not None)
    assert call.hung_up() == "shutdown"


@pytest.mark.parametrize(
    ("wish", "words", "action"),
    [
        (HANG_UP, "Thank you for calling. Goodbye.", do.HangUpCall),
        (SALES, "One moment, I will put you through.", do.TransferCall),
        ((Control.SEND_DIGITS, "1#", ""), "That is done.", do.SendDigits),
    ],
)
def test_a_model_that_says_nothing_is_lent_words(wish: tuple, words: str, action: type) -> None:
    call = asked(World(replies=[""], wishes=[[wish]]))
    call.until(lambda: bool(call.all(action)))
    assert call.said()[-1] == words


def test_keys_are_pressed_after_the_words_and_the_model_remembers_them() -> None:
    wish = (Control.SEND_DIGITS, "12#", "")
    call = asked(World(replies=["I press them."], wishes=[[wish]]))
    assert not call.all(do.SendDigits)
    call.until(call.listening)
    assert [each.digits for each in call.all(do.SendDigits)] == ["12#"]
    call.speak(1.0).wait(2.6).until(call.speaking)
    (used,) = [line for line in call.all(do.AskModel)[-1].history if line.role == "tool"]
    assert (used.name, json.loads(used.arguments)) == ("send_digits", {"digits": "12#"})


def test_what_was_done_stays_known_when_the_caller_goes_on() -> None:
    """Else the order would be placed again."""
    call = greeted(World(llm_s=5.0, words=["order one", "and another thing"]), tools=TOOLS)
    call.speak(1.0).wait(2.6).until(lambda: bool(call.all(do.AskModel)))
    call.tell(told.ToolUsed(1, "order", '{"n":1}', "ordered")).speak(1.0).wait(2.8)
    call.until(lambda: len(call.all(do.AskModel)) == 2)
    assert [(line.role, line.text) for line in call.all(do.AskModel)[-1].history[1:]] == [
        ("user", "order one"), ("tool", "ordered"), ("user", "and another thing"),
    ]  # fmt: skip


def test_a_result_that_comes_after_its_turn_is_known_all_the_same() -> None:
    call = greeted(World(llm_s=5.0), tools=TOOLS)
    call.speak(1.0).wait(2.6).until(lambda: bool(call.all(do.AskModel)))
    call.speak(1.0).wait(1.0)
    call.tell(told.ToolUsed(1, "order", "{}", "ordered")).wait(2.0)
    call.until(lambda: len(call.all(do.AskModel)) == 2)
    assert "ordered" in [line.text for line in call.all(do.AskModel)[-1].history]


class Deaf(Call):
    """A world in which no model answers any more."""

    def answer(self, action: do.Action):  # type: ignore[no-untyped-def]
        if isinstance(action, do.AskModel):
            return [(self.now + 0.1, told.ModelFailed(action.turn))]
        return super().answer(action)


def out_of_order(world: World, **tools: object) -> Call:
    call = Deaf(world, tools={**TOOLS, **tools})
    call.wait(0.1).until(call.listening)
    for _ in range(3):
        call.speak(1.0).wait(2.6).until(lambda: call.listening() or call.hung_up() is not None
                                        or bool(call.all(do.TransferCall)), within=60)  # fmt: skip
    return call


def test_when_no_provider_answers_any_more_a_person_takes_the_call() -> None:
    call = out_of_order(World(), on_trouble="sales")
    assert [each.name for each in call.all(do.TransferCall)] == ["sales"]
    assert call.said()[-1].startswith("I am sorry, something is wrong on my side. I will put")
    assert call.hung_up() is None


def test_and_when_nobody_takes_it_the_bot_says_sorry_and_ends() -> None:
    call = out_of_order(World(transfer_s=0.5), on_trouble="sales")
    call.until(lambda: call.hung_up() is not None)
    assert "Please call again later" in call.said()[-1]
    assert len(call.all(do.TransferCall)) == 1


class Fickle(Call):
    """Models that want something done and break off before they are done."""

    said = ""

    def answer(self, action: do.Action):  # type: ignore[no-untyped-def]
        if not isinstance(action, do.AskModel):
            return super().answer(action)
        turn, at = action.turn, self.now + 0.1
        return [
            *([(at, told.ModelText(turn, self.said))] if self.said else []),
            (at, told.ControlAsked(turn, Control.SEND_DIGITS, "1")),
            (at, told.ModelFailed(turn)),
        ]


@pytest.mark.parametrize("said", ["", "I press the key for you now."])
def test_a_model_that_breaks_off_has_no_wishes(said: str) -> None:
    """Not even after a person was asked for in vain, and the caller interrupted those words."""
    call = Fickle(World(over_words=["wait stop"], speech_s_per_char=0.1), tools=TOOLS | {
        "on_trouble": "sales"
    })  # fmt: skip
    call.said = said
    call.wait(0.1).until(call.listening)
    for _ in range(6):
        if call.hung_up() is not None:
            break
        call.speak(1.0).wait(2.6)
        call.until(call.speaking).wait(0.5).speak(1.2)
        call.until(lambda: call.listening() or call.hung_up() is not None, within=60)
    assert not call.all(do.SendDigits) and not call.all(do.TransferCall)


def test_without_a_person_the_bot_says_sorry_at_once() -> None:
    call = out_of_order(World())
    call.until(lambda: call.hung_up() is not None)
    assert not call.all(do.TransferCall)


def longest_silence_s(call: Call) -> float:
    quiet = [
        not frame.any() and not heard for frame, heard in zip(call.out, call.heard, strict=True)
    ]
    return max(sum(1 for _ in run) for silent, run in itertools.groupby(quiet) if silent) * FRAME_S
