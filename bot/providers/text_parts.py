"""Text longer than a voice takes at once, in parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

MARKS = (r"[.!?…]\s", r"[,;:–]\s", r"\s")  # where to part, best first


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
