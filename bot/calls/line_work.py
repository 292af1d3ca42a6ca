"""What the engine wants to be done to the caller's line besides voice: keys, transfer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

import structlog

from bot.audio.frame import Frame
from bot.calls.attended import Attended
from bot.calls.toolbox import nobody_listens
from bot.engine.actions import SendDigits, TransferCall
from bot.engine.inputs import Input, TransferFailed
from bot.errors import LegError
from bot.legs.base import Digit, Leg, LegEvent

LAST_WORD_S = 0.2  # a transfer ends with the line, a moment later
log = structlog.get_logger(__name__)

Note = Callable[[str, dict[str, object]], None]  # kind of event, its detail


class LineWork:
    """One call's. `transferred_to` is "" until somebody else has the caller."""

    def __init__(
        self,
        leg: Leg,
        tell: Callable[[Input], None],
        note: Note,
        attended: Attended | None = None,
        announced: Collection[str] = (),
    ) -> None:
        """`attended` rings up those targets that are `announced`; None: nobody can be."""
        self._leg, self._tell, self._note = leg, tell, note
        self._attended, self._announced = attended, announced
        self._joined: tuple[str, Leg] | None = None  # who talks to the caller through us
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
        outcome, how = "taken", "blind"
        try:
            if self._attended is not None and action.name in self._announced:
                how = "attended"
                agent = await self._attended.hand_over(action.target)
                if agent is not None:
                    how = "joined"
                    self._join(action.name, agent)
            else:
                await self._leg.transfer(action.target)
            if self._joined is None:
                self.transferred_to = action.name
        except LegError as error:
            outcome = str(error)
        self._note("transfer", {"turn": action.turn, "to": action.name, "how": how,
                                "outcome": outcome})  # fmt: skip
        if outcome != "taken":
            self._tell(TransferFailed(action.turn))

    # ---- the two lines joined here, where the caller's side follows no REFER

    @property
    def joined(self) -> bool:
        return self._joined is not None

    def _join(self, name: str, agent: Leg) -> None:
        self._joined = (name, agent)
        self._leg.flush()
        self._start(self._carry(name, agent))

    async def _carry(self, name: str, agent: Leg) -> None:
        async for frame in agent.frames():
            self._leg.write(frame)
            for event in agent.events():
                if isinstance(event, Digit):
                    await self._leg.send_digits(event.digit)
        self.transferred_to = name  # the person hung up: the call is over

    def pass_on(self, frame: Frame, events: Sequence[LegEvent]) -> None:
        """The caller's audio and keys to the person."""
        if self._joined is None:
            return
        _, agent = self._joined
        agent.write(frame)
        for event in events:
            if isinstance(event, Digit):
                self._start(agent.send_digits(event.digit))

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
        if self._joined is not None:
            self.transferred_to, agent = self._joined
            await agent.hang_up()
        self._attended = self._joined = None
        self._tell = self._note = nobody_listens  # the session holds us: no circle may stay
