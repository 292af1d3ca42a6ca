"""Which voice activity detector on which line? Frames judged against the clean clip.

Two seconds of the line alone, the clip, a second of the line. True speech are the frames of the
clean clip within ACTIVE_DB of its active level; both detectors stand behind the same level gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, cycle

import numpy as np
import soxr

from bot.audio.vad import SpeechDetector
from bot.calls.hearing import BY_CODEC, voice_activity
from tests.bench.numbers import percentile
from tests.eval.cache import Pcm, key_of
from tests.eval.corpus import ACTIVE_DB, LEVELS_DB, active, at_level, corpus
from tests.eval.line import LineSettings
from tests.eval.noises import HZ
from tests.eval.pause_line import WIDE_HZ, line_of
from tests.eval.phrases import INTERRUPTIONS
from tests.eval.scenes import CLEAN, NOISES, SNR10, SNR20, SNR_DB
from tests.eval.tables import ms, percent
from tests.eval.voices import JOES, ROBOTS, speech

DETECTORS = ("silero", "webrtc")
LINES = ("PCMU", "G722")
BEFORE_S, AFTER_S = 2.0, 1.0
FRAME_MS = 20
Judged = np.ndarray  # of bool, a frame each


@dataclass(frozen=True)
class Take:
    """A clip over a line, and which of its frames are truly speech."""

    frames: list[np.ndarray]
    speech: Judged


@dataclass
class Tally:
    """What one detector made of all takes of one line."""

    heard: list[float]
    onset_ms: list[float]
    tail_ms: list[float]
    noise: list[float]  # share of frames before the clip taken for speech
    sounds: list[float]  # the same within coughs and noises


def figures() -> list[dict[str, str]]:
    """Rows of the table in docs/turns.md."""
    rows = []
    for codec in LINES:
        for condition in (CLEAN, SNR20, SNR10):
            talked = [take(codec, condition, *each) for each in sentences()]
            made = [take(codec, condition, *each) for each in sounds()]
            rows += [row(codec, condition, name, talked, made) for name in DETECTORS]
    return rows


def row(codec: str, line: str, name: str, talked: list[Take], made: list[Take]) -> dict[str, str]:
    tally = Tally([], [], [], [], [])
    for each in talked:
        _count(tally, each, judged(name, codec, each))
    before = round(BEFORE_S * 1000 / FRAME_MS)
    tally.sounds = [float(judged(name, codec, each)[before:].mean()) for each in made]
    return {
        "line": f"{codec}, {line}",
        "detector": f"**{name}**" if BY_CODEC[codec] == name else name,
        "speech heard": percent(float(np.mean(tally.heard))),
        "onset p50": ms(percentile(tally.onset_ms, 50)),
        "onset p95": ms(percentile(tally.onset_ms, 95)),
        "lingers p50": ms(percentile(tally.tail_ms, 50)),
        "line taken for speech": percent(float(np.mean(tally.noise))),
        "coughs and noises taken for speech": percent(float(np.mean(tally.sounds))),
    }


def _count(tally: Tally, take: Take, told: Judged) -> None:
    spoken = np.flatnonzero(take.speech)
    tally.heard.append(float(told[spoken].mean()))
    tally.noise.append(float(told[: spoken[0]].mean()))
    hits = np.flatnonzero(told[spoken[0] :])
    if len(hits):
        tally.onset_ms.append(float(hits[0] * FRAME_MS))
        after = np.flatnonzero(told[spoken[-1] + 1 :])
        tally.tail_ms.append(float((after[-1] + 1) * FRAME_MS if len(after) else 0))


def judged(name: str, codec: str, take: Take) -> Judged:
    detector = SpeechDetector(voice_activity(name, codec))
    return np.array([detector.hear(frame).speech for frame in take.frames])


def take(codec: str, condition: str, name: str, samples: Pcm, level_db: float) -> Take:
    """`samples` at WIDE_HZ over a line; noises alternate from clip to clip."""
    seed = int(key_of(name)[:8], 16)
    noise = "" if condition == CLEAN else NOISES[seed % len(NOISES)]
    quiet_db = level_db - SNR_DB[condition] if noise else LineSettings().noise_db
    line, rate_hz = line_of(LineSettings(codec, noise, quiet_db), np.random.default_rng(seed))
    clip = samples / 32768
    if rate_hz != WIDE_HZ:
        clip = soxr.resample(clip, WIDE_HZ, rate_hz)
    voice = np.concatenate(
        [np.zeros(round(BEFORE_S * rate_hz)), clip, np.zeros(round(AFTER_S * rate_hz))]
    )
    step = rate_hz * FRAME_MS // 1000
    pieces = voice[: len(voice) // step * step].reshape(-1, step)
    power = 10 * np.log10((pieces**2).mean(axis=1) + 1e-12)
    truly = power > 10 * np.log10(10 ** (active(clip)[0] / 10)) - ACTIVE_DB
    return Take([line.to_bot(each) for each in pieces], truly)


@lru_cache(maxsize=1)
def sentences() -> tuple[tuple[str, Pcm, float], ...]:
    """Every text of an interruption once, voices in turn: name, samples at WIDE_HZ, level."""
    return tuple(_sentences())


def _sentences() -> Iterator[tuple[str, Pcm, float]]:
    speakers = cycle((*JOES, *ROBOTS))
    for text in chain.from_iterable(INTERRUPTIONS.values()):
        speaker = next(speakers)
        name = f"{text} ({speaker.name})"
        dice = np.random.default_rng(int(key_of("level", name)[:8], 16))
        level_db = float(dice.uniform(*LEVELS_DB))
        yield name, at_level(speech(text, speaker, WIDE_HZ) / 32768, level_db), level_db


@lru_cache(maxsize=1)
def sounds() -> tuple[tuple[str, Pcm, float], ...]:
    """Coughs and noises, brought to WIDE_HZ."""
    return tuple(
        (each.name, soxr.resample(each.samples, HZ, WIDE_HZ), each.level_db)
        for each in corpus()
        if each.group in ("cough", "noise")
    )
