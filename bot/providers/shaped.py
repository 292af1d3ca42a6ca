"""Around each voice of a chain: what it lacks of speed and pitch, and the loudness of all others.

A provider says with `does` what it does by itself; the rest of a persona's voice settings is done
here to the audio as it streams. Nothing of it costs anything while the settings are 1 and 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache

from bot.audio.active_level import VoiceLevel
from bot.audio.frame import Samples
from bot.audio.leveller import TARGET_DB, Leveller
from bot.audio.resample import slices
from bot.audio.stretch import Stretcher
from bot.providers.base import TextToSpeech, Voice

SHAPING = 1  # raise it when phrases come out differently: those kept on disk are then made anew


class Shaped:
    """A TextToSpeech at TARGET_DB, with speed and pitch. Levels learnt are kept by voice."""

    def __init__(self, tts: TextToSpeech) -> None:
        self._tts = tts
        self.name, self.rate, self.does = tts.name, tts.rate, tts.does
        own = getattr(tts, "voice_name", "")
        self.voice_name = f"{own}, shaped {SHAPING}, {TARGET_DB:g} dBFS"
        self._levels: dict[Voice, VoiceLevel] = {}

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """As the provider's own, which is asked for what it does. Raises ProviderError."""
        speed = 1.0 if "speed" in self.does else voice.speed
        pitch = 0.0 if "pitch" in self.does else voice.pitch
        asked = replace(
            voice,
            speed=voice.speed if "speed" in self.does else 1.0,
            pitch=voice.pitch if "pitch" in self.does else 0.0,
        )
        chunks = self._tts.speak(text, voice=asked)
        if (speed, pitch) != (1.0, 0.0):
            chunks = _stretched(chunks, Stretcher(self.rate, speed, pitch))
        leveller = Leveller(self._levels.setdefault(voice, VoiceLevel()), self.rate)
        async with _left(chunks):
            async for chunk in chunks:
                for piece in slices(chunk, self.rate):
                    levelled = leveller.feed(piece)
                    if len(levelled):
                        yield levelled
        if len(rest := leveller.end()):
            yield rest

    async def close(self) -> None:
        await self._tts.close()


async def _stretched(chunks: AsyncIterator[Samples], to: Stretcher) -> AsyncIterator[Samples]:
    """Clip by clip in a thread, so that calls' frames go on."""
    loop = asyncio.get_running_loop()
    async with _left(chunks):
        async for chunk in chunks:
            clips = to.feed(chunk)
            while (clip := await loop.run_in_executor(_bench(), next, clips, None)) is not None:
                yield clip
        for clip in await loop.run_in_executor(_bench(), list, to.end()):
            yield clip


@cache
def _bench() -> ThreadPoolExecutor:
    """One thread for all calls of the process, made after any fork: the library mutes the
    process's standard error while it works, which two at a time would get wrong."""
    return ThreadPoolExecutor(1, "stretch")


@asynccontextmanager
async def _left(chunks: AsyncIterator[Samples]) -> AsyncIterator[None]:
    """Leaves a stream at once when nobody wants the rest of it."""
    try:
        yield
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
