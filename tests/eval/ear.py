"""The real local Whisper, its transcripts kept by the hash of what it heard."""

from __future__ import annotations

import asyncio
from functools import cache

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import resample_clip
from bot.providers.whisper_local import WhisperLocal
from tests.eval.cache import kept_text, key_of

# Counted up whenever whisper_local.py hears otherwise than before, without and with a prompt.
VERSIONS = ("tiny.en 5", "tiny.en 5")


@cache
def _whisper() -> WhisperLocal:
    return WhisperLocal()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def words_of(samples: Samples, *, urgent: bool, expect: str = "") -> str:
    """What the bot's own Whisper makes of int16 `samples` at BUS_HZ, brought to it as in a call."""
    key = key_of(VERSIONS[bool(expect)], samples.tobytes(), urgent, expect)
    return kept_text(key, lambda: _listen(samples, urgent, expect))


def _listen(samples: Samples, urgent: bool, expect: str) -> str:
    pcm = resample_clip(samples, BUS_HZ, _whisper().rate)
    heard = _whisper().transcribe(pcm, language="en", urgent=urgent, expect=expect)
    return _loop().run_until_complete(heard).text
