"""The utterances of the speech evaluation: 64 texts, each by Piper and by one other voice."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
import soxr

from bot.audio.wav import decode
from tests.eval.cache import Pcm, kept_clip, key_of
from tests.eval.corpus import active
from tests.eval.noises import HZ as NARROW_HZ
from tests.eval.noises import Sound
from tests.eval.voices import JOES, ROBOTS, Speaker, speech, trimmed
from tests.speech_eval.phrases import TEXTS

HZ = 16_000
LEVELS_DB = (-30.0, -18.0)  # active level of a caller, dBFS
FLITES = ("slt", "awb", "rms")  # recorded from an American woman, a Scot, an American man
ROBOT_NAMES = ("american woman", "british man", "scottish man", "american man")


@dataclass(frozen=True)
class Utterance:
    """What is said, by whom, and how it sounds at HZ: full scale 1, at its level."""

    text: str
    speaker: str
    seed: int
    sound: Sound


def flite(text: str, voice: str) -> Pcm:
    """Debian's flite, at HZ, without silence at its ends."""

    def render() -> Pcm:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "said.wav"
            command = ["flite", "-voice", voice, "-t", text, "-o", str(path)]
            subprocess.run(command, capture_output=True, check=True)
            samples, rate_hz = decode(path.read_bytes())
        assert rate_hz == HZ, voice
        return trimmed(samples[0], HZ)

    return kept_clip(key_of("flite 2", text, voice), render)


def _others() -> Iterator[str | Speaker]:
    """Recorded voices and robots take turns."""
    robots = [each for each in ROBOTS if each.name in ROBOT_NAMES]
    for voice, robot in zip(cycle(FLITES), cycle(robots), strict=False):
        yield voice
        yield robot


def active_db(sound: Sound, rate_hz: int) -> float:
    """Active level (ITU-T P.56) of what a telephone carries of it, dBFS."""
    return active(soxr.resample(sound, rate_hz, NARROW_HZ))[0]


def said(text: str, by: str | Speaker) -> Utterance:
    name = by if isinstance(by, str) else by.name
    pcm = flite(text, by) if isinstance(by, str) else speech(text, by, HZ)
    seed = int(key_of("speech eval", text, name)[:8], 16)
    level_db = float(np.random.default_rng(seed).uniform(*LEVELS_DB))
    sound = pcm / 32768
    return Utterance(text, name, seed, sound * 10 ** ((level_db - active_db(sound, HZ)) / 20))


@cache
def corpus() -> tuple[Utterance, ...]:
    """All of them, in an order that never changes."""
    joes, others = cycle(JOES), _others()
    return tuple(said(text, by) for text in TEXTS for by in (next(joes), next(others)))
