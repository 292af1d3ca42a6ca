"""Word error rates: every utterance over every line, as it came and as a call conditions it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.progress import track

from bot.audio.condition import chain
from bot.audio.condition.chain import Step, choose
from bot.audio.metrics import snr_over, steady
from bot.config import Conditioning
from tests.eval.cache import Pcm
from tests.speech_eval.corpus import FLITES, HZ, Utterance, corpus
from tests.speech_eval.heard import Heard, heard
from tests.speech_eval.lines import CONDITIONS, Condition, condition
from tests.speech_eval.models import names, understood
from tests.speech_eval.words import errors, words

FIRST_DRAW, FRESH_DRAWS = 5, 2  # draws 1 to 4 of the noise were looked at when settings were chosen


@dataclass(frozen=True)
class Score:
    """One utterance on one line, heard by one model."""

    voices: str
    words: int
    raw: int  # wrong words
    conditioned: int
    steps: tuple[Step, ...]


def voices_of(utterance: Utterance) -> str:
    if utterance.speaker in FLITES:
        return "recorded (flite)"
    return "Piper" if utterance.speaker.startswith("joe") else "espeak-ng"


def steps_for(told: Heard, settings: Conditioning) -> tuple[Step, ...]:
    """As bot/calls/conditioning.py chooses them; the noise is at HZ here."""
    snr_db = snr_over(told.quality, told.noise, HZ)
    allowed = [Step(each) for each in settings.steps]
    told_steady = steady(told.noise, HZ)
    return choose(allowed, settings.below_snr_db, snr_db, steady_noise=told_steady)


def conditioned(told: Heard, steps: Sequence[Step]) -> Pcm:
    return chain.condition(told.pcm, told.noise, HZ, steps)


def score(model: str, utterance: Utterance, line: Condition) -> Score:
    told = heard(utterance, line)
    steps = steps_for(told, Conditioning())
    said = words(utterance.text)
    raw = errors(said, words(understood(model, told.pcm)))
    clean = errors(said, words(understood(model, conditioned(told, steps)))) if steps else raw
    return Score(voices_of(utterance), len(said), raw, clean, steps)


def rates(scores: Sequence[Score]) -> dict[str, Any]:
    total = sum(each.words for each in scores)
    return {
        "raw": round(sum(each.raw for each in scores) / total, 4),
        "conditioned": round(sum(each.conditioned for each in scores) / total, 4),
        "n": len(scores),
        "words": total,
        "steps": dict(Counter(str(step) for each in scores for step in each.steps)),
        "voices": {name: round(rate, 4) for name, rate in _by_voices(scores)},
    }


def _by_voices(scores: Sequence[Score]) -> Iterator[tuple[str, float]]:
    for name in sorted({each.voices for each in scores}):
        mine = [each for each in scores if each.voices == name]
        yield name, sum(each.raw for each in mine) / sum(each.words for each in mine)


def word_errors() -> dict[str, Any]:
    told: dict[str, Any] = {}
    for model in names():
        told[model] = {}
        for line in CONDITIONS:
            told[model][line.name] = _of(model, corpus(), line)
    return {"wer": told, "wer_fresh_noise": fresh_noise(), "corpus": _of_corpus()}


def fresh_noise() -> dict[str, Any]:
    """White noise at 10 dB once more, FRESH_DRAWS of it that no setting was chosen on."""
    again = [
        replace(each, seed=each.seed + draw)
        for draw in range(FIRST_DRAW, FIRST_DRAW + FRESH_DRAWS)
        for each in corpus()
    ]
    return {model: _of(model, again, condition("white10")) for model in names()}


def _of(model: str, said: Sequence[Utterance], line: Condition) -> dict[str, Any]:
    chosen = track(said, f"{model} {line.name}")
    return rates([score(model, each, line) for each in chosen])


def _of_corpus() -> dict[str, Any]:
    seconds = sum(len(each.sound) for each in corpus()) / HZ
    voices = Counter(voices_of(each) for each in corpus())
    return {"utterances": len(corpus()), "seconds": round(seconds), "voices": dict(voices)}
