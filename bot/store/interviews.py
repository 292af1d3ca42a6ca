"""Reading what the interviews of the call record brought."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of an interview's bank."""

    question: int  # counts from 1, in the order of the bank
    ask: str
    asked: bool  # was it heard by the caller?
    hinted: bool
    points: int  # expected ideas that the answer touched
    expected: int  # expected ideas in all
    touched: list[str]  # those ideas


@dataclass(frozen=True, slots=True)
class Interview:
    """An interview's score so far; `expected` counts the questions that were asked."""

    points: int
    expected: int
    asked: int  # questions that were put
    questions: int  # of so many
    hints: int
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Interviews:
    """All interviews of a report; an interview counts once its first question was heard."""

    calls: int
    points: int
    expected: int
    asked: int
    hints: int


def interview_of(db: Database, call_id: str) -> Interview | None:
    """None when the call was no interview."""
    rows = db.query("SELECT * FROM answers WHERE call_id = ? ORDER BY question", [call_id])
    answers = [_answer(row) for row in rows]
    asked = [each for each in answers if each.asked]
    if not answers:
        return None
    return Interview(
        points=sum(each.points for each in asked),
        expected=sum(each.expected for each in asked),
        asked=len(asked),
        questions=len(answers),
        hints=sum(each.hinted for each in asked),
        answers=answers,
    )


def summed_up(db: Database, of_calls: str, values: Sequence[Any]) -> Interviews:
    """The interviews of the calls that the WHERE clause `of_calls` picks."""
    row = db.execute(
        "SELECT count(DISTINCT call_id), total(points), total(expected), count(*), total(hinted)"
        f" FROM answers WHERE asked AND call_id IN (SELECT id FROM calls {of_calls})",
        list(values),
    ).fetchone()
    return Interviews(*(int(count) for count in row))


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        question=row["question"],
        ask=row["ask"],
        asked=bool(row["asked"]),
        hinted=bool(row["hinted"]),
        points=row["points"],
        expected=row["expected"],
        touched=json.loads(row["touched"]),
    )
