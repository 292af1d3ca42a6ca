"""Judging an interview: which question the caller answers, and which expected ideas they name.

Everything is read, line by line, from what was heard and what was said. So it is the same judge
whoever writes the bot's lines: the scripted interviewer or any language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from bot.persona import Question
from bot.providers.matching import alike, canonical, content, spoken_words

HINT = "Let me give you a hint."
HEARD = 85.0  # of 100: how much of a question must stand in what the caller heard
HEARD_SHARE = 0.6  # of its length: an interrupted question counts as asked from here on
SAME_QUESTION = 0.75  # of its content words: it was put in other words
ENOUGH_WORDS = 3  # content words by which a question is known; with fewer it must be verbatim
STEM = 4  # letters: process, processes


@dataclass(slots=True)
class Asked:
    """One question that was put, and what came back so far."""

    question: Question
    touched: list[str] = field(default_factory=list)  # expected ideas that were named, in order
    hinted: bool = False


class Evaluation:
    """An interview so far. Told every line in order: `bot` as heard, `caller` as understood."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        self._stems = [_stems(each.ask) for each in questions]
        self.asked: list[Asked] = []  # in the order in which they were put
        self.current: Asked | None = None  # the one the caller answers to

    def bot(self, heard: str) -> None:
        if self.current is not None and verbatim(self.current.question.hint, heard):
            self.current.hinted = True
        self._put(heard)
        if self.current is not None and self.current.question.hint and HINT in heard:
            self.current.hinted = True

    def caller(self, said: str) -> None:
        if self.current is not None:
            known, expect = self.current.touched, self.current.question.expect
            new = named(said, expect, known)
            self.current.touched = [idea for idea in expect if idea in known or idea in new]

    def _put(self, heard: str) -> None:
        """A new question, or one of the earlier ones again."""
        known = [each.question for each in self.asked]
        stems = _stems(heard)
        for question, wanted in zip(self._questions, self._stems, strict=True):
            if question not in known and (
                verbatim(question.ask, heard) or _in_other_words(wanted, stems)
            ):
                self.current = Asked(question)
                self.asked.append(self.current)
                return
        again = [each for each in self.asked if verbatim(each.question.ask, heard)]
        if again and self.current not in again:
            self.current = again[-1]


def verbatim(text: str, heard: str) -> bool:
    """Did the caller hear this text, wholly or nearly so?"""
    if not text or len(heard) < HEARD_SHARE * len(text):
        return False
    return fuzz.partial_ratio(text, heard) >= HEARD


def named(said: str, ideas: Sequence[str], known: Sequence[str] = ()) -> set[str]:
    """The ideas that the caller names. Leniently: one content word of each, in any form.

    A word that several of them share ("memory") counts for one: one that is touched anyway, also
    before (`known`), or else the first.
    """
    of_word = [
        [idea for idea in ideas if any(alike(word, spoken) for word in _words(idea))]
        for spoken in dict.fromkeys(spoken_words(said))
    ]
    found = {holders[0] for holders in of_word if len(holders) == 1}
    for holders in of_word:
        if holders and found.union(known).isdisjoint(holders):
            found.add(holders[0])
    return found


def _words(idea: str) -> list[str]:
    return content(idea) or spoken_words(idea)


def _stems(text: str) -> frozenset[str]:
    return frozenset(canonical(word)[:STEM] for word in content(text))


def _in_other_words(wanted: frozenset[str], heard: frozenset[str]) -> bool:
    return len(wanted) >= ENOUGH_WORDS and len(wanted & heard) >= SAME_QUESTION * len(wanted)
