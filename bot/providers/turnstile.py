"""A thread or two of heavy work, and who may use them next."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

Result = TypeVar("Result")


class Full(Exception):
    """Too many are waiting already."""


class Turnstile:
    """Runs `threads` pieces of work at a time off the event loop; urgent work overtakes what waits.

    Work that runs is never stopped. Whoever is cancelled while waiting leaves the queue, so
    callers who hung up cost nothing.
    """

    def __init__(self, thread_name: str, *, threads: int = 1, max_waiting: int = 32) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name)
        self._max_waiting = max_waiting
        self._free = threads  # nobody waits while there are any
        self._order = count()
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        return sum(not turn.done() for _, _, turn in self._waiting)

    async def run(self, work: Callable[[], Result], *, urgent: bool = False) -> Result:
        """The result of `work()`, run on a thread. Raises Full, and whatever `work` raises."""
        await self._enter(urgent)
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        running.add_done_callback(self._finished)
        return await asyncio.shield(running)  # a cancelled caller must not free a busy thread

    async def _enter(self, urgent: bool) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._max_waiting:
            raise Full
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()  # it was our turn already: pass it on
            raise

    def _finished(self, running: asyncio.Future[Result]) -> None:
        if not running.cancelled():
            running.exception()  # seen, also when its caller has gone
        self._next()

    def _next(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
