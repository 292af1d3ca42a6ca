"""The score of an interview, kept while it goes on: a call that breaks off keeps what it had.

It is judged from the engine's notes, what was understood of the caller and what was heard of the
bot, so it is the same whichever language model leads, live and on a tape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.engine.actions import Action, NoteBot, NoteCaller
from bot.persona import Persona, Question
from bot.providers.evaluation import Evaluation
from bot.store.recorder import AnswerScore


class ScoreKeeper:
    """One per call. `keep` is told each question's score, at first and whenever it changes."""

    def __init__(self, persona: Persona, keep: Callable[[AnswerScore], None]) -> None:
        self._bank = persona.questions if persona.flow == "interview" else []
        self._evaluation = Evaluation(self._bank)
        self._keep = keep
        self._kept: dict[int, AnswerScore] = {}
        self._tell()

    def note(self, action: Action) -> None:
        if not self._bank:
            return
        match action:
            case NoteCaller(_, _, text):
                self._evaluation.caller(text)
                self._tell()
            case NoteBot(heard=heard):
                self._evaluation.bot(heard)
                self._tell()

    def _tell(self) -> None:
        for score in scores(self._evaluation, self._bank):
            if self._kept.get(score.question) != score:
                self._kept[score.question] = score
                self._keep(score)

    @property
    def points(self) -> tuple[int, int] | None:
        """Points, and those expected of the questions put; None when this is no interview."""
        asked = [each for each in self._kept.values() if each.asked]
        if not self._bank:
            return None
        return sum(len(each.touched) for each in asked), sum(each.expected for each in asked)


def scores(evaluation: Evaluation, bank: Iterable[Question]) -> list[AnswerScore]:
    """Every question of the bank, put or not."""
    put = {id(each.question): each for each in evaluation.asked}
    told = []
    for number, question in enumerate(bank, 1):
        asked = put.get(id(question))
        touched = tuple(asked.touched) if asked else ()
        told.append(
            AnswerScore(
                number, question.ask, len(question.expect), touched,
                asked=asked is not None, hinted=asked is not None and asked.hinted,
            )
        )  # fmt: skip
    return told


def points_of(persona: Persona, did: Iterable[Action]) -> tuple[int, int] | None:
    """The points of a whole call, see `ScoreKeeper.points`."""
    keeper = ScoreKeeper(persona, lambda _: None)
    for action in did:
        keeper.note(action)
    return keeper.points
