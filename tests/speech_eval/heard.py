"""What of an utterance comes to the transcriber: the engine's ears on a line's frames."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bot.audio import metrics, silero, vad
from bot.audio.frame import BUS_HZ, FRAME_S
from bot.audio.metrics import Quality
from bot.audio.resample import resample_clip
from bot.audio.vad import SpeechDetector
from bot.calls.hearing import voice_activity
from bot.engine import background, ears, foreground, segmenter
from bot.engine.ears import Ears
from tests.eval.cache import Pcm, kept_clip, kept_text, key_of
from tests.speech_eval.corpus import HZ, Utterance
from tests.speech_eval.lines import Condition, frames

# what is kept was made by this code: a change of it is a new hearing
_CODE = [
    Path(str(module.__file__)).read_bytes()
    for module in (metrics, silero, vad, background, ears, foreground, segmenter)
]


_KNOWN: dict[tuple[int, str], Heard] = {}  # the lines take longer than the look into the cache


@dataclass(frozen=True)
class Heard:
    """The samples at HZ that a turn's transcription is asked for with, and what is told of them."""

    pcm: Pcm
    noise: Pcm
    quality: Quality


def heard(utterance: Utterance, condition: Condition) -> Heard:
    """As the engine hears the utterance; a caller it never noticed is an empty one."""
    known = _KNOWN.get((utterance.seed, condition.name))
    if known is None:
        known = _KNOWN[utterance.seed, condition.name] = _heard(utterance, condition)
    return known


def _heard(utterance: Utterance, condition: Condition) -> Heard:
    came = frames(utterance, condition)
    key = key_of("heard 1", condition.codec, np.concatenate(came).tobytes(), *_CODE)
    texts: list[str] = []

    def listen() -> Pcm:
        pcm, noise, quality = _listen(came, condition)
        texts.append(json.dumps({"speech": len(pcm), **asdict(quality)}))
        return np.concatenate([pcm, noise])

    both = kept_clip(key, listen)
    told = json.loads(kept_text(key, lambda: texts[0]))
    speech = told.pop("speech")
    return Heard(both[:speech], both[speech:], Quality(**told))


def _listen(came: list[Pcm], condition: Condition) -> tuple[Pcm, Pcm, Quality]:
    listening = Ears("eval", SpeechDetector(voice_activity("auto", condition.codec)), False)
    for number, frame in enumerate(came):
        listening.hear(frame, (number + 1) * FRAME_S, None)
    noise = resample_clip(listening.noise(), BUS_HZ, HZ)
    said = listening.utterance
    if said is None:
        return np.zeros(0, np.int16), noise, Quality(0, 0, 0, 0)
    return resample_clip(said.samples(), BUS_HZ, HZ), noise, said.metrics.quality()
