"""Cut the model's stream into clauses to speak: the first one early, the rest by sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sentencex import segment

FIRST_CLAUSE_MIN_CHARS = 24  # a shorter start sounds chopped
LONG_SENTENCE_CHARS = 160  # a voice takes over a second for more: cut at a comma


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
        self._pending += piece
        *complete, rest = segment(self._language, self._pending) or [""]
        limit = LONG_SENTENCE_CHARS if self._given or complete else FIRST_CLAUSE_MIN_CHARS
        head, rest = _cut_at_comma(rest, limit)
        self._pending = rest
        return self._out([*complete, head])

    def end(self) -> list[Clause]:
        """The model is done: whatever is left."""
        rest, self._pending = self._pending, ""
        return self._out([rest])

    def _out(self, clauses: list[str]) -> list[Clause]:
        texts = [clause.strip() for clause in clauses if re.search(r"\w", clause)]
        ready = [Clause(text, text) for text in texts]
        self._given += len(ready)
        return ready


def _cut_at_comma(text: str, min_chars: int) -> tuple[str, str]:
    """Split after the first comma, semicolon or colon that has `min_chars` before it."""
    match = re.search(r"[,;:]\s", text[min_chars:])
    if match is None:
        return "", text
    cut = min_chars + match.end()
    return text[:cut], text[cut:]
