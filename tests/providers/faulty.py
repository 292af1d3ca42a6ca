"""Providers that fail as a test tells them, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from bot.audio.frame import Samples
from bot.errors import ProviderError
from bot.providers.base import Message, Transcript, Voice

T = TypeVar("T")


def error(code: str, retry_after_s: float | None = None) -> ProviderError:
    retryable = code not in ("400", "401")
    what = f"HTTP {code}"
    return ProviderError("?", what, retryable=retryable, retry_after_s=retry_after_s, code=code)


@dataclass
class Step:
    """One attempt: wait, then answer or raise; a stream gives `pieces` first."""

    takes_s: float = 0.01
    fails: ProviderError | Exception | None = None
    pieces: int = 3

    def fall(self, name: str) -> None:
        if isinstance(self.fails, ProviderError):
            told = self.fails
            raise ProviderError(
                name, told.what, retryable=told.retryable,
                retry_after_s=told.retry_after_s, code=told.code,
            )  # fmt: skip
        if self.fails is not None:  # a fresh one: tracebacks add up on one that is raised again
            raise type(self.fails)(*self.fails.args)


@dataclass
class Faulty:
    """All three kinds at once. The last step is repeated for ever."""

    name: str
    steps: Sequence[Step] = (Step(),)
    rate: int = 16_000
    asked: int = 0
    closed: int = 0
    heard: list[Samples] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def next_step(self) -> Step:
        self.asked += 1
        return self.steps[min(self.asked, len(self.steps)) - 1]

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        self.heard.append(pcm)
        step = self.next_step()
        await asyncio.sleep(step.takes_s)
        step.fall(self.name)
        return Transcript(f"heard by {self.name}", language)

    def reply(self, messages: Sequence[Message], **_: object) -> AsyncIterator[str]:
        return self._stream([f"{self.name} {number} " for number in range(100)])

    def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        self.voices.append(voice)
        self.texts.append(text)
        return self._stream([np.full(self.rate // 10, 1000, np.int16)] * 100)

    async def _stream(self, all_pieces: list[T]) -> AsyncIterator[T]:
        step = self.next_step()
        try:
            await asyncio.sleep(step.takes_s)
            for piece in all_pieces[: step.pieces]:
                yield piece
            step.fall(self.name)
        finally:
            self.closed += 1

    async def close(self) -> None:
        """Nothing is kept open."""
