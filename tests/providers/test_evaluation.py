"""Judging an interview from what was heard, whoever spoke the bot's lines."""

from __future__ import annotations

import pytest

from bot.persona import Question
from bot.providers.evaluation import HINT, Evaluation, named

THREADS = Question(
    ask="What is the difference between a process and a thread?",
    expect=["separate memory", "cost of switching", "crash isolation"],
    hint="Think of what two threads share, and what two processes do not.",
)
TABLE = Question(
    ask="How does a hash table find a value so quickly, and when is it slow?",
    expect=["hash function", "collisions"],
)
READ = Question(ask="What do you read?")
BANK = [THREADS, TABLE, READ]


def told(*lines: str) -> Evaluation:
    """Lines in turn: the bot's, the caller's, the bot's …"""
    evaluation = Evaluation(BANK)
    for number, line in enumerate(lines):
        (evaluation.caller if number % 2 else evaluation.bot)(line)
    return evaluation


def test_ideas_of_an_answer_are_found_in_any_form_and_counted_once() -> None:
    evaluation = told(THREADS.ask, "Each has its own memory.", "Yes?", "Memory, and switching.")
    (asked,) = evaluation.asked
    assert asked.touched == ["separate memory", "cost of switching"] and not asked.hinted


@pytest.mark.parametrize(
    ("said", "idea", "found"),
    [
        ("They collide.", "collisions", False),
        ("There was a collision.", "collisions", True),
        ("One crashes, the other lives on.", "crash isolation", True),
        ("It is a matter of taste.", "crash isolation", False),
        ("", "crash isolation", False),
        ("To be or not to be.", "to be", True),  # an idea of nothing but little words
    ],
)
def test_the_judge_is_lenient_but_not_blind(said: str, idea: str, found: bool) -> None:
    assert named(said, [idea]) == ({idea} if found else set())


SHARED = ["separate memory", "shared memory", "optimistic locking", "pessimistic lock"]


@pytest.mark.parametrize(
    ("said", "known", "found"),
    [
        ("It has to do with memory.", [], {"separate memory"}),
        ("Threads share their memory.", [], {"shared memory"}),
        ("Memory again.", ["shared memory"], set()),
        ("Separate and shared memory.", [], {"separate memory", "shared memory"}),
        ("I would lock the record.", [], {"optimistic locking"}),
        ("A pessimistic lock on memory.", [], {"pessimistic lock", "separate memory"}),
    ],
)
def test_a_word_that_ideas_share_counts_for_one_of_them(said, known, found) -> None:
    assert named(said, SHARED, known) == found


def test_words_before_the_first_question_count_for_nothing() -> None:
    evaluation = told("Hello.", "I know all about memory and collisions.", THREADS.ask, "Well.")
    assert [each.touched for each in evaluation.asked] == [[]]


def test_an_answer_counts_for_the_question_put_last() -> None:
    evaluation = told(THREADS.ask, "Memory.", f"Good. {TABLE.ask}", "Memory and collisions.")
    assert [each.touched for each in evaluation.asked] == [["separate memory"], ["collisions"]]


@pytest.mark.parametrize(
    "line",
    [
        "All right! So, what is the difference between a process and a thread, in your words?",
        "Next, tell me how processes are different from threads.",
    ],
)
def test_a_question_in_a_models_own_words_is_known(line: str) -> None:
    assert [each.question for each in told(line).asked] == [THREADS]


@pytest.mark.parametrize(
    "line", ["What is the diff", "Let us talk about threads.", "How do you read a hash?", ""]
)
def test_what_was_hardly_heard_is_no_question(line: str) -> None:
    assert told(line).asked == []


def test_a_question_of_one_word_that_counts_must_be_verbatim() -> None:
    assert told("I read your letter with pleasure.").asked == []
    assert [each.question for each in told("What do you read?").asked] == [READ]


def test_a_hint_is_known_by_the_scripted_words_and_by_the_personas() -> None:
    for line in (f"{HINT} Think", f"Try this: {THREADS.hint}"):
        (asked,) = told(THREADS.ask, "Hm.", line, "They share memory.").asked
        assert asked.hinted and asked.touched == ["separate memory"], "points count all the same"
    assert not told(THREADS.ask, "Hm.", "Think of it").asked[0].hinted


def test_a_hint_and_the_next_question_in_one_line() -> None:
    threads, table = told(THREADS.ask, "Hm.", f"{THREADS.hint} Never mind. {TABLE.ask}").asked
    assert threads.hinted and not table.hinted


def test_a_model_may_go_back_to_an_earlier_question() -> None:
    evaluation = told(THREADS.ask, "Hm.", TABLE.ask, "Hm.", f"Again: {THREADS.ask}", "The memory!")
    assert [each.touched for each in evaluation.asked] == [["separate memory"], []]
    assert evaluation.current is evaluation.asked[0]
