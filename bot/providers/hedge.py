"""Hedging: when a transcriber is slower than usual, the next one starts beside it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np

from bot.providers.chain import Answered, Chain, Named
from bot.providers.trail import missed

KNOWN_AFTER = 10  # answers; before that nobody knows what is usual
REMEMBERED = 100
USUAL_PERCENTILE = 95
SLOW = "slow"  # on the trail: overtaken by the next one

P = TypeVar("P", bound=Named)
T = TypeVar("T")


class Hedge:
    """Of one chain with at least two providers."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=REMEMBERED)

    def usual_s(self) -> float | None:
        """What 95 of 100 answers of the first provider take at most, None when not yet known."""
        if len(self._took_s) < KNOWN_AFTER:
            return None
        return float(np.percentile(self._took_s, USUAL_PERCENTILE))

    async def ask(self, chain: Chain[P], request: Callable[[P], Awaitable[T]]) -> Answered[P, T]:
        """As Chain.ask. Whoever is not needed any more is cancelled."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        until = began + chain.patience.deadline_s
        usual_s = self.usual_s()
        if usual_s is None:
            answer = await chain.ask(request, until)
        else:
            answer = await self._race(chain, request, until, usual_s)
        # also when it was overtaken: then it takes at least so long, and that becomes usual
        self._took_s.append(loop.time() - began)
        return answer

    async def _race(
        self, chain: Chain[P], request: Callable[[P], Awaitable[T]], until: float, usual_s: float
    ) -> Answered[P, T]:
        ahead = asyncio.ensure_future(chain.part(slice(0, 1)).ask(request, until))
        racers = [ahead]
        try:
            await asyncio.wait(racers, timeout=usual_s)
            if ahead.done() and ahead.exception() is None:
                return ahead.result()
            racers.append(asyncio.ensure_future(chain.part(slice(1, None)).ask(request, until)))
            answer = await _first_answer(racers)
            if not ahead.done():
                missed(chain.name, SLOW)
            return answer
        finally:
            for racer in racers:
                racer.cancel()
            await asyncio.gather(*racers, return_exceptions=True)


async def _first_answer(racers: list[asyncio.Task[Answered[P, T]]]) -> Answered[P, T]:
    """Raises the last one's error when nobody answers."""
    running = set(racers)
    while running:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for racer in done:
            if racer.exception() is None:
                return racer.result()
    return racers[-1].result()
