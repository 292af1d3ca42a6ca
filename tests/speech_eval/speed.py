"""How long transcriptions and voices take, alone and with four callers, and in what memory."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable
from typing import Any

import numpy as np

from bot.audio.condition.chain import Step, condition
from bot.config import Conditioning
from bot.providers.base import Voice
from bot.providers.piper_local import PiperLocal
from tests.eval.cache import Pcm
from tests.speech_eval.corpus import HZ, corpus
from tests.speech_eval.heard import heard
from tests.speech_eval.lines import condition as line
from tests.speech_eval.memory import rss_mb
from tests.speech_eval.models import loop, names, weights, whisper

LENGTHS_S = {"2s": 2.0, "4s": 4.0, "7s": 7.0}
TIMES = 9
CALLERS = 4
TURNS = 3  # of each caller
LISTENS_S = (2.0, 6.0)  # to the bot and thinking, after the 4 s that a caller speaks
CLAUSE = "We open at eight from Monday to Friday,"


def of_length(seconds: float) -> Pcm:
    """Speech of exactly that length over G.711: utterances in a row, cut off."""
    told = [heard(each, line("g711")).pcm for each in corpus()[-16:]]
    longest = max(told, key=len)
    speech = np.concatenate([longest, *told])
    return speech[: round(seconds * HZ)]


def took_ms(work: Awaitable[object]) -> float:
    async def timed() -> float:
        return await _ms(work)

    return loop().run_until_complete(timed())


async def _ms(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000


def alone_ms(model: str) -> dict[str, float]:
    medians = {}
    for name, seconds in LENGTHS_S.items():
        pcm = of_length(seconds)
        times = [took_ms(whisper(model).transcribe(pcm, language="en")) for _ in range(TIMES)]
        medians[name] = round(statistics.median(times), 1)
    return medians


def four_callers_ms(model: str) -> dict[str, float]:
    """Four callers of one worker, each speaking 4 s at a time, as calls do: independently."""
    pcm, dice = of_length(4.0), random.Random(4)

    async def caller() -> list[float]:
        times = []
        await asyncio.sleep(dice.uniform(0, 4 + LISTENS_S[1]))
        for _ in range(TURNS):
            times.append(await _ms(whisper(model).transcribe(pcm, language="en")))
            await asyncio.sleep(4 + dice.uniform(*LISTENS_S))
        return times

    async def all_four() -> list[float]:
        told = await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return sorted(each for times in told for each in times)

    async def at_once() -> list[float]:
        work = (whisper(model).transcribe(pcm, language="en") for _ in range(CALLERS))
        return sorted(await asyncio.gather(*map(_ms, work)))

    apart, together = loop().run_until_complete(all_four()), loop().run_until_complete(at_once())
    return {
        "p50": round(statistics.median(apart), 1),
        "p95": round(apart[int(0.95 * (len(apart) - 1))], 1),
        "same_instant_first": round(together[0], 1),
        "same_instant_last": round(together[-1], 1),
    }


def tts_first_ms() -> float:
    """From the clause to the first audio of the voice."""
    piper = PiperLocal()

    async def first() -> None:
        async for _ in piper.speak(CLAUSE, voice=Voice()):
            break

    times = [took_ms(first()) for _ in range(TIMES)]
    loop().run_until_complete(piper.close())
    return round(statistics.median(times), 1)


def conditioning_ms_per_s() -> float:
    """What a noisy utterance goes through by default, per second of audio."""
    steps = [Step(each) for each in Conditioning().steps]
    told = max((heard(each, line("white10")) for each in corpus()), key=lambda each: len(each.pcm))
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        condition(told.pcm, told.noise, HZ, steps)
        times.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(times) / (len(told.pcm) / HZ), 1)


def speed() -> dict[str, Any]:
    alone = {model: alone_ms(model) for model in names()}
    callers = {model: four_callers_ms(model) for model in names()}
    memory = {model: rss_mb(weights(model)) for model in names()}
    return {
        "stt_ms": alone,
        "stt_ms_four_callers": callers[names()[0]]["p50"],
        "stt_four_callers": callers,
        "conditioning_ms_per_s": conditioning_ms_per_s(),
        "tts_first_ms": tts_first_ms(),
        "rss_mb": memory[names()[0]]["most"],
        "rss_mb_models": memory,
        "load": round(os.getloadavg()[0], 1),
    }
