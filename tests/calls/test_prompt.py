"""What a language model reads."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.calls.prompt import INTERVIEW, TOOLS, CallFacts, messages, system_prompt
from bot.engine.actions import Line
from bot.providers.base import Message, ToolCall
from bot.providers.evaluation import Evaluation
from tests.engine.score import persona

BANK = [
    {"ask": "What is a lock?", "expect": ["one at a time", "waiting"], "hint": "Think of doors."},
    {"ask": "What do you read?"},
]


def test_the_system_prompt_comes_first_then_the_conversation() -> None:
    system, hello = messages(persona(), [Line("assistant", "Hello.")])
    assert system.role == "system" and system.content.startswith("Be kind.\n\n")
    assert (hello.role, hello.content) == ("assistant", "Hello.")
    assert INTERVIEW not in system.content


def test_an_interviewer_reads_the_question_bank() -> None:
    who = persona(flow="interview", questions=BANK)
    (system,) = messages(who, [])
    bank = system.content.partition(INTERVIEW)[2]
    assert bank.splitlines()[1:] == [
        "1. What is a lock?",
        "   Expected: one at a time; waiting",
        "   Hint: Think of doors.",
        "2. What do you read?",
    ]
    evaluation = Evaluation(who.questions)
    evaluation.bot("What is a lock?")  # the words it is asked to use are those that are known
    assert evaluation.current is not None


NOW = datetime(2026, 11, 25, 22, 5, tzinfo=UTC)
FACTS = CallFacts(called="1000", caller="+4930123", caller_name='Ada "A" L.')


def known(*tell: str, timezone: str = "Asia/Tokyo") -> str:
    """The last part of the system prompt."""
    who = persona(prompt={"tell": list(tell), "timezone": timezone}, language="de")
    return system_prompt(who, FACTS, NOW).rpartition("\n\n")[2]


def test_the_model_is_told_what_the_persona_lets_it_know() -> None:
    assert known("time") == "It is Thursday, 26 November 2026, 07:05."
    assert known("called", "language") == (
        "Speak the language with the code de. The caller dialled 1000."
    )
    assert known("caller_name") == 'The line shows the caller\'s name as "Ada \\"A\\" L.".'
    assert known("caller_number") == "The caller's number is +4930123."


def test_who_calls_is_not_told_by_default() -> None:
    told = system_prompt(persona(), FACTS, NOW)
    assert "1000" in told and "2026" in told
    assert "Ada" not in told and "4930123" not in told


def test_a_withheld_caller_is_not_spoken_of() -> None:
    who = persona(prompt={"tell": ["caller_name", "caller_number"]})
    assert "caller" not in system_prompt(who, CallFacts(), NOW).rpartition("\n\n")[2].lower()[:20]


def test_the_length_of_a_reply_and_the_use_of_tools_are_told() -> None:
    assert "more than 25 words" in system_prompt(persona(prompt={"max_words": 25}), FACTS)
    assert TOOLS not in system_prompt(persona(), FACTS)
    assert TOOLS in system_prompt(persona(tools={"use": ["hang_up"]}), FACTS)


def test_examples_come_before_the_conversation() -> None:
    who = persona(examples=[{"caller": "Are you open?", "bot": "Until six."}])
    read = messages(who, [Line("assistant", "Hello.")])
    assert read[1:] == [
        Message("user", "Are you open?"),
        Message("assistant", "Until six."),
        Message("assistant", "Hello."),
    ]


def test_a_tool_that_was_used_reads_as_the_model_asked_for_it() -> None:
    (_, *read) = messages(persona(), [Line("user", "x"), Line("tool", "ok", "order", '{"n":1}')])
    assert read[1:] == [
        Message("assistant", "", calls=(ToolCall("call_1", "order", '{"n":1}'),)),
        Message("tool", "ok", call_id="call_1"),
    ]
