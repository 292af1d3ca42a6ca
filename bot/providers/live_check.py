"""One tiny request to each provider that may be asked in a call: how long it took, or why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from bot.audio.frame import Samples
from bot.config import Config
from bot.errors import BotError, ConfigError, ProviderError, ProviderTimeout
from bot.persona import Persona
from bot.providers.base import LanguageModel, Message, SpeechToText, TextToSpeech, Voice
from bot.providers.mock import MockTextToSpeech
from bot.providers.names import KINDS, LOCAL_NAMES, Kind, last_resort, named
from bot.providers.registry import create

WORD = "Hello."
SAMPLE_S = 1.0
SPARE_S = 2.0  # a provider's own deadline comes first, it knows better what was late

REMEDIES = {  # by ProviderError.code
    "401": "Put a valid key there.",
    "403": "Put a valid key there, or ask the vendor for access to the model.",
    "404": "Look at the address and the model's name in the configuration.",
    "400": "Look at the model's and the voice's name in the configuration.",
    "422": "Look at the model's name and the language in the configuration.",
    "429": "Wait, or raise the limits of your account.",
    "timeout": "Look at the network, or raise ai.timeout_s.",
    "unreachable": "Look at the address in the configuration and at the network.",
    "language": "Name another provider for this persona's language.",
}
LOCAL_REMEDY = "Start the bot, or `python -m bot speech`, and try again beside it."
OTHER_REMEDY = "Try again; if it stays, name another provider."


@dataclass(frozen=True, slots=True)
class Trial:
    """`problem` is "" when it answered, else what happened and what to do."""

    kind: Kind
    name: str
    took_s: float = 0.0
    problem: str = ""


async def try_all(config: Config, personas: Sequence[Persona]) -> AsyncIterator[Trial]:
    """Each provider once, in the order of the chains, one after another."""
    for kind in KINDS:
        known: dict[str, Persona] = {}
        for persona in personas:
            names = named(kind, config, persona)
            last = last_resort(kind, names)
            for name in (*names, *([last] if last else [])):
                known.setdefault(name, persona)
        for name, persona in known.items():
            yield await trial(kind, name, config, persona)


async def trial(kind: Kind, name: str, config: Config, persona: Persona) -> Trial:
    """Make the provider, ask it, close it."""
    deadline_s = config.ai.timeout_s + SPARE_S
    try:
        provider: Any = create(kind, name, config, persona)
    except BotError as error:
        return Trial(kind, name, problem=str(error))
    began = time.perf_counter()
    try:
        async with asyncio.timeout(deadline_s):
            await ask(kind, provider, persona.language)
    except TimeoutError:
        return Trial(kind, name, problem=told(ProviderTimeout(name, deadline_s)))
    except ProviderError as error:
        return Trial(kind, name, problem=told(error))
    except ConfigError as error:
        return Trial(kind, name, problem=str(error))
    finally:
        await provider.close()
    return Trial(kind, name, took_s=time.perf_counter() - began)


async def ask(kind: Kind, provider: Any, language: str) -> None:
    """A second of sound, a word to be said, or a word to be answered. Raises ProviderError."""
    if kind == "stt":
        stt = cast("SpeechToText", provider)
        await stt.transcribe(await sound(stt.rate), language=language)
        return
    stream: AsyncIterator[Any]
    if kind == "tts":
        stream = cast("TextToSpeech", provider).speak(WORD, voice=Voice(language=language))
    else:
        stream = cast("LanguageModel", provider).reply([Message("user", WORD)])
    async with aclosing(cast("Any", stream)):
        async for _ in stream:
            return
    raise ProviderError(provider.name, "answered nothing", retryable=True, code="empty")


async def sound(rate_hz: int) -> Samples:
    """A second of something that rises and falls like speech."""
    mock = MockTextToSpeech()
    words = " ".join(["la"] * 8)
    buzz = np.concatenate([chunk async for chunk in mock.speak(words, voice=Voice())])
    at = np.linspace(0, SAMPLE_S * mock.rate, round(SAMPLE_S * rate_hz), endpoint=False)
    spoken: Samples = np.interp(at, np.arange(len(buzz)), buzz).astype(np.int16)
    return spoken


def told(error: ProviderError) -> str:
    """What happened and what to do about it."""
    remedy = REMEDIES.get(error.code, OTHER_REMEDY)
    local = any(error.provider in names for names in LOCAL_NAMES.values())
    if local and error.code == "unreachable":
        remedy = LOCAL_REMEDY
    return f"{error.what}. {remedy}"
