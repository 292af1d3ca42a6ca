"""How close a caller's words are to a way of asking: content words, their rarity, fuzzy letters.

A question counts as asked when most of the weight of its content words is there, whatever is
said around it. Words that many answers share weigh little; a word may be misheard by a letter
or two, be another form of itself, or have been torn in two by the recogniser.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

GOOD_ENOUGH = 0.58
SAME_WORD = 0.88  # JaroWinkler: open/opening .91, appointment/apartment .82
NEARLY_VERBATIM = 0.85
SHORT_WORD = 4  # letters; words up to it must be equal, "pay" is not "day"
FOREIGN_WEIGHT = 0.4  # of a content word the question does not have, against one it has

FILLER = frozenset(
    "a an the i i'm i'd i'll i've im me my mine we we're us our ours you you're your yours it "
    "it's its he she they them their this that that's these those there there's here is isn't "
    "are aren't am was were be been being do does did don't done have has had having will "
    "would shall should can can't could may might must of to for in on at by from with about "
    "as and or but so if then than because please hi hello hey good morning afternoon evening "
    "okay ok well um uh er erm ah oh yes yeah no not just really actually tell know ask "
    "asking wondering wonder want wanted wanna like need needed get got give let lets "
    "question maybe what what's which who whom how why any some also now today let's go going "
    "gonna say said think sure sorry excuse thanks thank very much many one more thing "
    "something hear calling call quick quickly find out".split()
)
SAME_MEANING = {  # what is asked for, in the words callers use most
    "when": "time", "times": "time", "o'clock": "time",
    "price": "cost", "prices": "cost", "charge": "cost", "fee": "cost",
    "where's": "where", "located": "where", "location": "where", "address": "where",
}  # fmt: skip


def spoken_words(text: str) -> list[str]:
    """Lower-case words and numbers, apostrophes kept."""
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("\u2019", "'"))


def content(text: str) -> list[str]:
    """The words that carry meaning, each meaning once: "Hi, when do you open?" → when, open."""
    words = spoken_words(text.lower().replace("how much", "price"))
    return list({canonical(word): word for word in words if word not in FILLER}.values())


def canonical(word: str) -> str:
    return SAME_MEANING.get(word, word)


def alike(one: str, other: str) -> bool:
    """Are these the same word, misheard, in another form, or meaning the same?"""
    if canonical(one) == canonical(other):
        return True
    if min(len(one), len(other)) < SHORT_WORD or one.isdigit() or other.isdigit():
        return one + "s" == other or other + "s" == one
    return JaroWinkler.similarity(one, other) >= SAME_WORD


@dataclass(frozen=True, slots=True)
class Match:
    """The best answer for what was said."""

    index: int
    score: float  # 0 to 1; GOOD_ENOUGH and more count


class Matcher:
    """Ways of asking, grouped by the answer they lead to."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self._asks = [(i, ask, content(ask)) for i, group in enumerate(groups) for ask in group]
        shared = Counter(
            word
            for group in groups
            for word in {canonical(word) for ask in group for word in content(ask)}
        )
        self._weight = {word: 1.0 + math.log(len(groups) / n) for word, n in shared.items()}
        self._usual = sum(self._weight.values()) / max(1, len(self._weight))

    def best(self, said: str) -> Match | None:
        """The group whose question was asked; None when none comes close enough."""
        spoken = spoken_words(said)
        torn = [first + second for first, second in pairwise(spoken)]
        meant = content(said)
        found = Match(-1, 0.0)
        likeness = 0.0
        for index, ask, words in self._asks:
            close = fuzz.token_sort_ratio(ask.lower(), said.lower()) / 100
            score = self._score(words, meant, torn)
            if not words and close >= NEARLY_VERBATIM:  # nothing but filler, "who are you?"
                score = close
            if (score, close) > (found.score, likeness):
                found, likeness = Match(index, score), close
        return found if found.score >= GOOD_ENOUGH else None

    def _score(self, words: Sequence[str], meant: Sequence[str], torn: Sequence[str]) -> float:
        """Share of the question's weight that was said, less for what else was said."""
        asked = sum(self._weight[canonical(word)] for word in words)
        if not asked:
            return 0.0
        said = sum(
            self._weight[canonical(word)]
            for word in words
            if any(alike(word, other) for other in meant) or word in torn
        )
        foreign = sum(not any(alike(word, other) for word in words) for other in meant)
        foreign -= 2 * sum(word in torn and word not in meant for word in words)
        return said / (asked + FOREIGN_WEIGHT * self._usual * max(0, foreign))
