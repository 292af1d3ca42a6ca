"""What a language model reads."""

from __future__ import annotations

from bot.calls.prompt import INTERVIEW, messages
from bot.engine.actions import Line
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
