"""Coqui in this process: many speakers of one model, on the processor or a graphics card.

It brings torch, so it is at home in the speech worker and never where calls are carried.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from bot.audio.frame import FULL_SCALE, Samples
from bot.errors import StartError
from bot.providers.base import Setting, Voice
from bot.providers.coqui_models import Device, is_named, load_model
from bot.providers.sentence_thread import one_by_one, trimmed

FAVOURITE = "p225"  # of the 109 speakers of VCTK
FAULTS = (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
log = structlog.get_logger(__name__)


class CoquiLocal:
    """Text to speech by a Coqui model; several callers take turns sentence by sentence."""

    name = "coqui"
    does: frozenset[Setting] = frozenset({"speed"})

    def __init__(
        self, model: str, config: str = "", speaker: str = "", *,
        device: Device = "auto", threads: int = 1,
    ) -> None:  # fmt: skip
        """Load the model, which takes seconds. Raises StartError when it cannot be had.

        `model` is a name of Coqui's list, or the path of a checkpoint whose `config` is another
        path. `speaker` speaks when a persona names nobody of this model.
        """
        tts = load_model(model, config, device=device, threads=threads)
        self._synthesizer: Any = tts.synthesizer
        self._model: Any = tts.synthesizer.tts_model
        self.rate = int(self._synthesizer.output_sample_rate)
        self.speakers = _speakers(tts)
        self.languages: tuple[str, ...] = tuple(tts.languages or ())
        self._speaker = _chosen(speaker, self.speakers)
        own = model if is_named(model) else Path(model).stem
        self.voice_name = f"{own} {self._speaker or ''}".strip()
        pace = getattr(self._model, "length_scale", None)
        self._pace = float(pace) if isinstance(pace, int | float) else None
        self._unknown: set[str] = set()
        self._pool = ThreadPoolExecutor(1, "coqui")

    def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """One chunk per sentence, shape (n,) at `rate`; nothing for a text without words.

        `voice.preset_id` picks the speaker, `voice.speed` the pace where the model has one.
        Raises ProviderError.
        """
        return one_by_one(self._pool, self._sentences(text, voice), self.name, FAULTS)

    def _sentences(self, text: str, voice: Voice) -> Iterator[Samples]:
        language = self._language(voice.language)
        for sentence in self._synthesizer.split_into_sentences(text, language):
            if any(map(str.isalnum, sentence)):  # of signs alone models make a noise, or fail
                yield self._say(sentence, language, voice)

    def _say(self, sentence: str, language: str | None, voice: Voice) -> Samples:
        if self._pace is not None:  # before each sentence: those of several callers alternate
            self._model.length_scale = self._pace / voice.speed
        spoken = self._synthesizer.tts(
            sentence, self._who(voice.preset_id), language, split_sentences=False
        )
        loud = np.asarray(spoken, np.float32) * FULL_SCALE
        return trimmed(loud.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16), self.rate)

    def _who(self, wanted: str) -> str | None:
        """The speaker a persona names; the configured one for a name of another provider's."""
        if not wanted or wanted in self.speakers:
            return wanted or self._speaker
        if wanted not in self._unknown:
            self._unknown.add(wanted)
            log.warning("coqui.unknown_speaker", preset_id=wanted, instead=self._speaker)
        return self._speaker

    def _language(self, wanted: str) -> str | None:
        if not self.languages:
            return None
        return wanted if wanted in self.languages else self.languages[0]

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _speakers(tts: Any) -> tuple[str, ...]:
    """Names; none for a model with one voice."""
    manager = getattr(tts.synthesizer.tts_model, "speaker_manager", None)
    return tuple(tts.speakers or getattr(manager, "speaker_names", ()) or ())


def _chosen(wanted: str, speakers: tuple[str, ...]) -> str | None:
    """Who speaks when nobody is named. Raises StartError for a speaker the model has not."""
    if wanted and wanted not in speakers:
        known = ", ".join(speakers[:12]) + (" …" if len(speakers) > 12 else "")
        raise StartError(
            f"coqui.speaker: the model has no {wanted!r}. "
            + (f"It has {known}." if known else "It has one voice: leave the key empty.")
        )
    if wanted or not speakers:
        return wanted or None
    return FAVOURITE if FAVOURITE in speakers else speakers[0]
