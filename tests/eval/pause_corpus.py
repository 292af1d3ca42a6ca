"""What is said to an open line: whole utterances, utterances with a pause, dictated answers.

The silence of a pause is put between two clips, so where speech ends and begins is known from the
clips themselves and from no detector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import cycle, pairwise

import numpy as np
import soxr

from tests.eval.cache import key_of
from tests.eval.corpus import ACTIVE_DB, LEVELS_DB, active
from tests.eval.noises import Sound
from tests.eval.pause_line import WIDE_HZ
from tests.eval.pause_phrases import (
    ASKING,
    DICTATED,
    FRESH_PAUSED,
    FRESH_WHOLE,
    GREETING,
    PAUSED,
    WHOLE,
    Dictated,
)
from tests.eval.voices import JOES, ROBOTS, Speaker, speech

PAUSES_S = (0.4, 2.0)
GAPS_S = (0.3, 0.9)  # between the groups of what is dictated
BLOCK = WIDE_HZ // 200  # 5 ms
GROUP_PAUSED, GROUP_WHOLE = "paused", "whole"
DICTATION = ("number", "mail", "date", "name")


@dataclass(frozen=True)
class Said:
    """What one caller says in one turn."""

    group: str  # GROUP_WHOLE, GROUP_PAUSED or one of DICTATION
    kind: str  # "question", "in mid-clause", "asked", …
    parts: tuple[str, ...]
    gaps_s: tuple[float, ...]  # silences between the parts
    speaker: Speaker
    greeting: str = GREETING  # what the bot said before
    fresh: bool = False  # of the texts that the rules were not made on

    @property
    def name(self) -> str:
        return f"{' | '.join(self.parts)} ({self.speaker.name})"

    @property
    def seed(self) -> int:
        return int(key_of(self.name, self.greeting)[:8], 16)

    @property
    def level_db(self) -> float:
        dice = np.random.default_rng(int(key_of("level", self.name)[:8], 16))
        return float(dice.uniform(*LEVELS_DB))


@dataclass(frozen=True)
class Clip:
    """The sound of it at WIDE_HZ, full scale 1; times are seconds from its first sample."""

    samples: Sound
    pauses: tuple[tuple[float, float], ...]  # from the last speech before to the first after
    speech_end: float


@lru_cache(maxsize=64)
def clip_of(said: Said) -> Clip:
    parts = [speech(text, said.speaker, WIDE_HZ) / 32768 for text in said.parts]
    level = active(np.concatenate(parts))[0]
    loud = 10 ** ((level - ACTIVE_DB) / 20)
    pieces: list[Sound] = []
    edges: list[tuple[float, float]] = []  # where each part is speech
    at = 0
    for number, part in enumerate(parts):
        first, last = speech_edges(part, loud)
        edges.append(((at + first) / WIDE_HZ, (at + last) / WIDE_HZ))
        silence = round(said.gaps_s[number] * WIDE_HZ) if number < len(said.gaps_s) else 0
        pieces += [part, np.zeros(silence)]
        at += len(part) + silence
    gain = 10 ** ((said.level_db - level) / 20)
    samples = np.clip(np.concatenate(pieces) * gain, -1.0, 1.0)
    pauses = tuple((a[1], b[0]) for a, b in pairwise(edges))
    return Clip(samples, pauses, edges[-1][1])


def speech_edges(part: Sound, loud: float) -> tuple[int, int]:
    """First sample and sample after the last of the 5 ms blocks louder than `loud` (rms)."""
    blocks = part[: len(part) // BLOCK * BLOCK].reshape(-1, BLOCK)
    spoken = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > loud)
    return (int(spoken[0]) * BLOCK, int(spoken[-1] + 1) * BLOCK) if len(spoken) else (0, len(part))


def parts_of(text: str) -> tuple[str, ...]:
    """ "I need | a doctor." → what is said before the pause sounds as if it went on."""
    parts = [each.strip() for each in text.split("|")]
    return (*(each if each.endswith(",") else f"{each}," for each in parts[:-1]), parts[-1])


def drawn(limits: tuple[float, float], count: int, *seed: object) -> tuple[float, ...]:
    """Log-uniform: short pauses are more frequent than long ones."""
    dice = np.random.default_rng(int(key_of(*seed)[:8], 16))
    return tuple(np.exp(dice.uniform(*np.log(limits), count)).round(3).tolist())


def spoken(group: str, texts: dict[str, list[str]], times: int) -> Iterator[Said]:
    """Each text by `times` speakers, Piper and robots in turn."""
    voices = (each for pair in zip(cycle(JOES), cycle(ROBOTS), strict=False) for each in pair)
    for kind, each in texts.items():
        for text in each:
            question, _, words = text.rpartition(" > ")
            parts = parts_of(words)
            greeting = ASKING.format(question) if question else GREETING
            for _ in range(times):
                speaker = next(voices)
                gaps = drawn(PAUSES_S, len(parts) - 1, "pause", words, speaker.name)
                yield Said(group, kind, parts, gaps, speaker, greeting, fresh=times == 1)


def dictated(group: str, items: Sequence[Dictated]) -> Iterator[Said]:
    """Each both as an answer to the bot's question and, with a lead, unasked."""
    joes, robots = cycle(JOES), cycle(ROBOTS)
    for item in items:
        groups = tuple(each.strip() + "," for each in item.text.split("|"))
        asked = (*groups[:-1], groups[-1].rstrip(",") + ".")
        unasked = (f"{item.lead} {asked[0]}".strip(), *asked[1:])
        for speaker in (next(joes), next(robots)):
            for kind, parts, greeting in (
                ("asked", asked, item.question),
                ("not asked", unasked, GREETING),
            ):
                gaps = drawn(GAPS_S, len(parts) - 1, "gap", kind, item.text, speaker.name)
                yield Said(group, kind, parts, gaps, speaker, greeting)


@cache
def utterances() -> tuple[Said, ...]:
    """The texts the rules were made on by two voices each, the fresh ones by one."""
    return (
        *spoken(GROUP_WHOLE, WHOLE, 2),
        *spoken(GROUP_PAUSED, PAUSED, 2),
        *spoken(GROUP_WHOLE, FRESH_WHOLE, 1),
        *spoken(GROUP_PAUSED, FRESH_PAUSED, 1),
    )


@cache
def dictations() -> tuple[Said, ...]:
    return tuple(said for group in DICTATION for said in dictated(group, DICTATED[group]))


def at_rate(samples: Sound, rate_hz: int) -> Sound:
    """A wide-band clip for a line of `rate_hz`."""
    return samples if rate_hz == WIDE_HZ else np.asarray(soxr.resample(samples, WIDE_HZ, rate_hz))
