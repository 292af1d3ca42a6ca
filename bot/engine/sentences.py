"""Cut the model's stream into clauses to speak: the first one early, the rest by sentence.

The stream is looked at character by character, so that the clauses do not depend on how it was
chopped into pieces. A cut is considered only where a new word begins after punctuation, and never
inside markup that is still open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sentencex import segment

from bot.engine.markup import is_open, plain
from bot.engine.speakable import spoken

FIRST_CLAUSE_MIN_CHARS = 24  # a shorter start sounds chopped
LONG_SENTENCE_CHARS = 160  # a voice takes over a second for more: cut at a comma,
ENDLESS_CHARS = 320  # or, without one, at a space
ENDS = tuple(".?!\u2026\u3002\uff01\uff1f\u0964\u061f")
CLOSERS = "\"')]}*_\u201d\u2019"  # what may stand between a sentence's end and the space
COMMAS = tuple(",;:\u2013\u2014\u3001\uff0c")
ITEM_NUMBER = re.compile(r"\s*\d+[.)]")  # "1." begins an item, it ends nothing
FULL_STOP = "."


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the reply, as kept in the record and as sent to the voice."""

    written: str
    spoken: str


class ClauseCutter:
    """Fed pieces of text in order; gives out clauses that are ready to be spoken."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._pending = ""
        self._given = 0

    def feed(self, piece: str) -> list[Clause]:
        """Take in the next piece of any length; the clauses that are complete now."""
        clauses: list[Clause] = []
        for character in piece:
            if character == "\n":
                clauses += self._cut(len(self._pending), ends=True)
            elif self._pending[-1:].isspace() and not character.isspace():
                clauses += self._at_word(character)
            self._pending += character
        return clauses

    def end(self) -> list[Clause]:
        """The model is done: whatever is left."""
        rest, self._pending = self._pending, ""
        return self._clause(rest)

    def _at_word(self, begins: str) -> list[Clause]:
        """A new word begins with this character: is what stands before it a clause?"""
        before = self._pending.rstrip()
        bare = before.rstrip(CLOSERS)
        if bare.endswith(ENDS):
            return self._cut(len(self._pending)) if self._is_sentence(before, begins) else []
        least = LONG_SENTENCE_CHARS if self._given else FIRST_CLAUSE_MIN_CHARS
        if len(before) > least and before.endswith(COMMAS):
            return self._cut(len(self._pending))
        return self._cut(len(self._pending)) if len(before) > ENDLESS_CHARS else []

    def _is_sentence(self, before: str, begins: str) -> bool:
        """Not an abbreviation, not the number of a list's item."""
        if ITEM_NUMBER.fullmatch(before):
            return False
        return len(list(segment(self._language, f"{before} {begins}"))) > 1

    def _cut(self, at: int, *, ends: bool = False) -> list[Clause]:
        if is_open(self._pending[:at]):
            return []
        head, self._pending = self._pending[:at], self._pending[at:]
        return self._clause(head, ends=ends)

    def _clause(self, raw: str, *, ends: bool = False) -> list[Clause]:
        """Cleaned; a line that has no end of its own, as a list's item, gets a full stop."""
        written = plain(raw)
        if not re.search(r"[^\W_]", written):
            return []
        if ends and written[-1] not in (*ENDS, *COMMAS):
            written += FULL_STOP
        self._given += 1
        return [Clause(written, spoken(written, self._language))]
