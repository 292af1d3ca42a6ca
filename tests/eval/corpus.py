"""The clips of the evaluation, made by the repository itself; fixed seeds, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle

import numpy as np

from tests.eval.cache import Pcm, key_of
from tests.eval.noises import COUGHS, HZ, NOISES, Sound
from tests.eval.phrases import BABBLE, BACK_CHANNELS, INTERRUPTIONS, STOP_WORDS
from tests.eval.voices import JOES, ROBOTS, Speaker, speech

LEVELS_DB = (-30.0, -15.0)  # active level of a clip, dBFS: quiet callers and loud ones
ACTIVE_DB = 15.9  # blocks so far under the active level are pauses (margin of ITU-T P.56)
BLOCK = HZ // 200  # 5 ms
TAKES = {"cough": 8, "throat": 5, "sneeze": 4} | dict.fromkeys(NOISES, 5)
MEANT = "interruption"  # groups: "interruption", "backchannel", "cough", "noise"


@dataclass(frozen=True)
class Clip:
    """One sound of the caller at HZ, int16, at its own level on the line."""

    name: str
    group: str  # MEANT, "backchannel", "cough" or "noise"
    kind: str  # "question", "stop word", "door slam", …
    speaker: Speaker
    level_db: float
    samples: Pcm
    onset: int  # first sample of it that is as loud as speech, see `active`

    @property
    def seconds(self) -> float:
        return len(self.samples) / HZ

    @property
    def seed(self) -> int:
        return int(key_of(self.name)[:8], 16)

    @property
    def meant(self) -> bool:
        """Does the caller want the floor?"""
        return self.group == MEANT


def active(sound: Sound) -> tuple[float, int]:
    """(active level in dB, first sample that is active): pauses are left out, as in P.56."""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power = (blocks.astype(np.float64) ** 2).mean(axis=1) + 1e-12
    loud = np.ones(len(power), bool)
    for _ in range(8):
        level = 10 * np.log10(power[loud].mean())
        loud = 10 * np.log10(power) > level - ACTIVE_DB
    return float(level), int(np.flatnonzero(loud)[0]) * BLOCK


def at_level(sound: Sound, level_db: float) -> Pcm:
    """The sound with its active level at `level_db` dBFS, peaks clipped as a telephone does."""
    gain = 10 ** ((level_db - active(sound)[0]) / 20)
    return np.clip(np.round(sound * gain * 32768), -32768, 32767).astype(np.int16)


def clip(name: str, group: str, kind: str, speaker: Speaker, sound: Sound) -> Clip:
    dice = np.random.default_rng(int(key_of("level", name)[:8], 16))
    level_db = float(dice.uniform(*LEVELS_DB))
    samples = at_level(sound, level_db)
    return Clip(name, group, kind, speaker, level_db, samples, active(samples / 32768)[1])


def said(text: str, group: str, kind: str, speaker: Speaker) -> Clip:
    sound = speech(text, speaker, HZ) / 32768
    return clip(f"{text} ({speaker.name})", group, kind, speaker, sound)


def interruptions() -> Iterator[Clip]:
    """Every text once by Piper and once by a robot; voices take turns."""
    joes, robots = cycle(JOES), cycle(ROBOTS)
    for kind, texts in INTERRUPTIONS.items():
        for text in texts:
            yield said(text, MEANT, kind, next(joes))
            yield said(text, MEANT, kind, next(robots))


def back_channels() -> Iterator[Clip]:
    joes, robots = cycle(JOES), cycle(ROBOTS)
    for spoken, for_piper, for_espeak in BACK_CHANNELS:
        for _ in range(2):
            for speaker, phonemes in ((next(joes), for_piper), (next(robots), for_espeak)):
                sound = speech(phonemes or spoken, speaker, HZ) / 32768
                name = f"{spoken} ({speaker.name})"
                yield clip(name, "backchannel", spoken, speaker, sound)


def sounds() -> Iterator[Clip]:
    for group, makers in (("cough", COUGHS), ("noise", NOISES)):
        for kind, make in makers.items():
            for take in range(TAKES[kind]):
                name = f"{kind} {take}"
                sound = make(np.random.default_rng(int(key_of(name)[:8], 16)))
                yield clip(name, group, kind, JOES[0], sound)


@cache
def corpus() -> tuple[Clip, ...]:
    """All clips, in an order that never changes."""
    return (*interruptions(), *back_channels(), *sounds())


def stop_word(each: Clip) -> bool:
    return each.kind == STOP_WORDS


@cache
def babble(seconds: float = 40.0, talkers: int = 8) -> Sound:
    """Eight people talking at once, power 1: ends joined so that it can be looped."""
    length = round(seconds * HZ)
    dice = np.random.default_rng(8)
    out = np.zeros(length)
    for number in range(talkers):
        speaker = (*ROBOTS, *JOES)[number % (len(ROBOTS) + len(JOES))]
        at = int(dice.integers(length))
        for text in dice.permutation(BABBLE):
            voice = speech(str(text), speaker, HZ) / 32768
            voice = voice / 10 ** (active(voice)[0] / 20)
            np.add.at(out, (at + np.arange(len(voice))) % length, voice)
            at += len(voice)
    return out / np.sqrt((out**2).mean())
