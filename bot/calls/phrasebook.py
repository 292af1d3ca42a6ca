"""What a persona says by itself, rendered before the first call and kept on disk.

Greeting, reprompts, fillers and apologies must come at once, also when every provider is down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import structlog

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import to_bus
from bot.calls.prompt import voice_of
from bot.engine.speakable import spoken
from bot.errors import ProviderError
from bot.persona import Persona
from bot.providers.base import TextToSpeech, Voice

log = structlog.get_logger(__name__)


def first_phrases(persona: Persona) -> list[str]:
    """What the first caller may hear at once, or when something fails."""
    fixed = persona.phrases
    return [persona.greeting, fixed.fillers[0], fixed.repeat, fixed.trouble, fixed.apology]


def later_phrases(persona: Persona) -> list[str]:
    """The other texts the persona says without a model."""
    fixed, idle = persona.phrases, persona.idle
    parting = [fixed.goodbye, fixed.closing, fixed.back]
    return [*fixed.fillers[1:], *parting, *idle.reprompts, idle.goodbye]


class Phrasebook:
    """Rendered phrases at BUS_HZ, by voice and text. `folder` holds them as raw int16 files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready: dict[str, Samples] = {}

    def get(self, voice: Voice, text: str) -> Samples | None:
        return self._ready.get(_key(voice, text))

    async def render(self, persona: Persona, texts: Iterable[str], tts: TextToSpeech) -> None:
        """Make ready what is missing; a phrase that cannot be spoken is logged and left out."""
        voice = voice_of(persona)
        for text in texts:
            try:
                await self._make_ready(voice, spoken(text, persona.language), tts)
            except ProviderError as error:
                log.warning("phrase not rendered", persona=persona.slug, error=str(error))

    async def _make_ready(self, voice: Voice, text: str, tts: TextToSpeech) -> None:
        key = _key(voice, text)
        if key in self._ready:
            return
        file = self._folder / f"{tts.name}-{key}.s16"
        try:
            self._ready[key] = np.frombuffer(file.read_bytes(), np.int16)
        except OSError:
            self._ready[key] = await speak_whole(tts, text, voice)
            self._keep(file, self._ready[key])

    def _keep(self, file: Path, samples: Samples) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(samples.tobytes())
            part.replace(file)
        except OSError as error:  # the next start renders it again
            log.warning("phrase not kept", why=error.strerror)


async def speak_whole(tts: TextToSpeech, text: str, voice: Voice) -> Samples:
    """All of a text's speech at BUS_HZ. Raises ProviderError."""
    convert = to_bus(tts.rate)
    chunks = [convert(chunk) async for chunk in tts.speak(text, voice=voice)]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


def _key(voice: Voice, text: str) -> str:
    told = "\0".join([*(str(value) for value in asdict(voice).values()), text, str(BUS_HZ)])
    return hashlib.sha256(told.encode()).hexdigest()[:32]
