"""Hedging in real time, against servers: who is heard, and that the other one is left alone.

When it happens is settled in virtual time (`test_fallback`); here servers answer when they are
let, so that nothing depends on how busy the machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from bot.providers.chain import Chain, Link, Patience
from bot.providers.circuit import Circuit
from bot.providers.fallback import FallbackSpeechToText
from bot.providers.hedge import KNOWN_AFTER
from bot.providers.openai_compat import OpenAiSpeechToText
from bot.providers.openai_http import Endpoint
from bot.providers.trail import Trail, watching
from tests.providers.openai_server import OpenAiServer
from tests.providers.vendor_server import serving

PCM = np.random.default_rng(1).integers(-3000, 3000, 1600, np.int16)
PATIENCE = Patience(deadline_s=30.0, share_s=30.0)


@dataclass
class Held(OpenAiServer):
    """Answers while `open` is set; counts the requests that were withdrawn before."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    withdrawn: int = 0

    async def before(self, request: web.Request, asked: dict[str, Any]) -> web.Response | None:
        instead = await super().before(request, asked)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.withdrawn += 1
            raise
        return instead


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Held, Held]]:
    async with serving(Held(text="first")) as first, serving(Held(text="second")) as second:
        yield first, second


@pytest.fixture
async def stt(servers: tuple[Held, Held]) -> AsyncIterator[FallbackSpeechToText]:
    """The first server behind "a", the second behind "b"; what is usual of "a" is known."""
    links = [
        Link(OpenAiSpeechToText(Endpoint(server.base_url, deadline_s=30.0), model="m", name=name),
             Circuit())
        for name, server in zip("ab", servers, strict=True)
    ]  # fmt: skip
    made = FallbackSpeechToText(Chain(links, PATIENCE), hedge=True)
    servers[0].open.set()
    for _ in range(KNOWN_AFTER):
        assert (await heard(made))[0] == "first"
    servers[0].open.clear()
    for server in servers:
        server.asked.clear()
    yield made
    await made.close()


async def heard(stt: FallbackSpeechToText) -> tuple[str, Trail]:
    with watching() as trail:
        return (await stt.transcribe(PCM, language="en")).text, trail


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happens():
            await asyncio.sleep(0.01)


async def test_the_slow_one_is_overtaken_and_its_request_withdrawn(
    stt: FallbackSpeechToText, servers: tuple[Held, Held]
) -> None:
    first, second = servers
    second.open.set()
    words, trail = await heard(stt)
    assert (words, trail.answered, trail.turns) == ("second", "b", 1)
    assert [str(miss) for miss in trail.misses] == ["a slow"]
    await until(lambda: first.withdrawn == 1 and not first.connections())
    assert (len(first.asked), len(second.asked), second.withdrawn) == (1, 1, 0)


async def test_the_second_one_is_withdrawn_when_the_first_answers_after_all(
    stt: FallbackSpeechToText, servers: tuple[Held, Held]
) -> None:
    first, second = servers
    asking = asyncio.create_task(heard(stt))
    await until(lambda: len(second.asked) == 1)
    first.open.set()
    words, trail = await asking
    assert (words, trail.answered, trail.turns, trail.misses) == ("first", "a", 1, [])
    await until(lambda: second.withdrawn == 1 and not second.connections())
    assert (len(first.asked), first.withdrawn) == (1, 0)
