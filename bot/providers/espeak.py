"""espeak-ng as a child process: no weights, 15 ms to the first word, the last-resort voice."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import numpy as np

from bot.audio import wav
from bot.audio.frame import Samples
from bot.errors import ProviderError, ProviderTimeout, StartError
from bot.providers.base import Setting, Voice
from bot.providers.sentence_thread import trimmed

BINARY = "espeak-ng"
RATE_HZ = 22_050
WORDS_PER_MINUTE = 165
PITCHES = (0, 15, 30, 45, 60, 75, 90, 99)  # on espeak's scale; 45 is the voice's own here
SEMITONES = (-6.3, -4.4, -2.3, 0.0, 2.5, 5.2, 8.0, 9.7)
"""What `PITCHES` sound like: medians of F0 over a sentence, measured with espeak-ng 1.51."""
DEADLINE_S = 10.0


class Espeak:
    """Text to speech by espeak-ng; knows about a hundred languages, all of them robots."""

    name = "espeak"
    does: frozenset[Setting] = frozenset({"speed", "pitch"})  # pitch from −6 to +9.7 semitones
    rate = RATE_HZ
    voice_name = BINARY

    def __init__(self) -> None:
        """Raises StartError when the program is not installed."""
        found = shutil.which(BINARY)
        if not found:
            raise StartError(f"{BINARY} is not installed. Run: apt-get install {BINARY}")
        self._program = found

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """The whole text as one chunk, shape (n,) at `rate`. Raises ProviderError."""
        spoken = await self._run(text, voice)
        try:
            channels, rate_hz = wav.decode(spoken)
        except ValueError as error:
            raise ProviderError(self.name, str(error), retryable=False) from None
        if rate_hz != self.rate:
            raise ProviderError(self.name, f"speaks at {rate_hz} Hz", retryable=False)
        speech = trimmed(channels[0], self.rate)
        if len(speech):
            yield speech

    async def _run(self, text: str, voice: Voice) -> bytes:
        pitch = round(float(np.interp(voice.pitch, SEMITONES, PITCHES)))
        arguments = [
            "-v", voice.language or "en",
            "-s", str(round(WORDS_PER_MINUTE * voice.speed)),
            "-p", str(pitch),
            "--stdin", "--stdout",
        ]  # fmt: skip
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(
                self._program, *arguments, stdin=pipe, stdout=pipe, stderr=pipe
            )
        except OSError as error:
            raise ProviderError(self.name, f"cannot run: {error}", retryable=False) from None
        try:
            async with asyncio.timeout(DEADLINE_S):
                out, _ = await child.communicate(text.encode())
        except TimeoutError:
            raise ProviderTimeout(self.name, DEADLINE_S) from None
        finally:
            if child.returncode is None:  # timed out, or the caller does not want it any more
                child.kill()
        if child.returncode:
            what = f"refused language {voice.language!r} or the text (exit {child.returncode})"
            raise ProviderError(self.name, what, retryable=False)
        return out

    async def close(self) -> None:
        """Nothing is kept open."""
