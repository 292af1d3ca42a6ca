"""Instant, deterministic providers for `ai.mode = "mock"`, benchmarks and tests."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from itertools import cycle

import numpy as np

from bot.audio.frame import Samples
from bot.providers.base import Message, Setting, Tool, Transcript, Voice

HEARD = ("What time do you open tomorrow?", "Where are you?", "Thank you, goodbye.")
RATE_HZ = 24_000
WORD_S = 0.25
SYLLABLE_HZ = 5.0  # how often speech grows louder and softer
PITCH_HZ = 120.0
PEAK = 9000


class MockSpeechToText:
    """Hears `texts` in turn, whatever is said; digital silence is heard as ""."""

    name = "mock"
    rate = 16_000

    def __init__(self, texts: Sequence[str] = HEARD, *, delay_s: float = 0.0) -> None:
        self._texts = cycle(texts)
        self._delay_s = delay_s

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        await asyncio.sleep(self._delay_s)
        return Transcript(next(self._texts) if np.any(pcm) else "", language)

    async def close(self) -> None:
        """Nothing is kept open."""


class MockLanguageModel:
    """Says back what the caller said."""

    name = "mock"

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    async def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[str]:
        await asyncio.sleep(self._delay_s)
        said = messages[-1].content if messages else "nothing"
        for piece in ("You said: ", *(f"{word} " for word in said.split())):
            yield piece

    async def close(self) -> None:
        """Nothing is kept open."""


class MockTextToSpeech:
    """A buzz that rises and falls like speech, WORD_S per word; its first sample is loud.

    The same text sounds the same; another text has another pitch.
    """

    name = "mock"
    rate = RATE_HZ
    does: frozenset[Setting] = frozenset({"speed"})

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        await asyncio.sleep(self._delay_s)
        begun = 0
        for _ in text.split():
            length = round(WORD_S * self.rate / voice.speed)
            yield buzz(begun, length, PITCH_HZ + zlib.crc32(text.encode()) % 80)
            begun += length

    async def close(self) -> None:
        """Nothing is kept open."""


def buzz(begun: int, length: int, pitch_hz: float) -> Samples:
    """`length` samples from sample `begun` on: harmonics under a syllable envelope."""
    at = np.arange(begun, begun + length) / RATE_HZ
    tone = sum(np.cos(2 * np.pi * pitch_hz * k * at) / k for k in range(1, 9))
    envelope = 0.6 + 0.4 * np.cos(2 * np.pi * SYLLABLE_HZ * at)
    samples: Samples = (PEAK / 3 * tone * envelope).astype(np.int16)
    return samples
