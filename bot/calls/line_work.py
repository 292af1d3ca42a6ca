"""What the engine wants to be done to the caller's line besides voice: keys, transfer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from bot.calls.toolbox import nobody_listens
from bot.engine.actions import SendDigits, TransferCall
from bot.engine.inputs import Input, TransferFailed
from bot.errors import LegError
from bot.legs.base import Leg

LAST_WORD_S = 0.2  # a transfer ends with the line, a moment later
log = structlog.get_logger(__name__)

Note = Callable[[str, dict[str, object]], None]  # kind of event, its detail


class LineWork:
    """One call's. `transferred_to` is "" until somebody else has the caller."""

    def __init__(self, leg: Leg, tell: Callable[[Input], None], note: Note) -> None:
        self._leg, self._tell, self._note = leg, tell, note
        self._tasks: set[asyncio.Task[None]] = set()
        self.transferred_to = ""

    def send_digits(self, action: SendDigits) -> None:
        self._start(self._send_digits(action))

    def transfer(self, action: TransferCall) -> None:
        self._start(self._transfer(action))

    async def _send_digits(self, action: SendDigits) -> None:
        outcome = "sent"
        try:
            await self._leg.send_digits(action.digits)
        except LegError as error:
            outcome = str(error)
        self._note("digits sent", {"turn": action.turn, "count": len(action.digits),
                                   "outcome": outcome})  # fmt: skip

    async def _transfer(self, action: TransferCall) -> None:
        outcome = "taken"
        try:
            await self._leg.transfer(action.target)
            self.transferred_to = action.name
        except LegError as error:
            outcome = str(error)
        self._note("transfer", {"turn": action.turn, "to": action.name, "outcome": outcome})
        if not self.transferred_to:
            self._tell(TransferFailed(action.turn))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work on the line crashed", exc_info=error)

    async def close(self) -> None:
        """The line is gone: whoever hung up because they were put through is told of as such."""
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORD_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tell = self._note = nobody_listens  # the session holds us: no circle may stay
