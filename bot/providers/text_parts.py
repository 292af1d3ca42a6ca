"""Text in parts: what a voice takes at once, and what one that broke off did not say."""

from __future__ import annotations

import re
from collections.abc import Iterator

MARKS = (r"[.!?…]\s", r"[,;:–]\s", r"\s")  # where to part, best first
SURE_CHARS_PER_S = 12  # the slowest of 80 clauses by Piper and espeak; they say 17 on average


def parts(text: str, longest: int) -> Iterator[str]:
    """`text` in parts of at most `longest` characters: at sentences, clauses, words, anywhere."""
    text = text.strip()
    while len(text) > longest:
        head = text[: longest + 1]
        ends = (
            max((found.end() for found in re.finditer(mark, head)), default=0) for mark in MARKS
        )
        at = next((end for end in ends if end), longest)
        yield text[:at].strip()
        text = text[at:].strip()
    if text:
        yield text


def unspoken(text: str, seconds: float) -> str:
    """The words of `text` that a voice may not have said in that time, at its usual pace.

    Nothing tells how far it came, so it is taken for a slow one: words said twice are better than
    one that is missing.
    """
    said = seconds * SURE_CHARS_PER_S
    words = text.split()
    for number, word in enumerate(words):
        said -= len(word) + 1
        if said < 0:
            return " ".join(words[number:])
    return ""
