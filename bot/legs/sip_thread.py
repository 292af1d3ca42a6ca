"""The one thread that owns pjsip: runs its events, our commands and every callback.

As all three happen on one thread in turn, no command can meet a call that has just ended, and
a `pj.Call` dropped in its last callback is gone before its slot can be given to the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


class SipThread:
    """`poll` handles pjsip's events for a few milliseconds; commands run between two polls."""

    def __init__(self, poll: Callable[[], None]) -> None:
        self._poll = poll
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._polling = False
        self._stopped = False
        self._thread = Thread(target=self._run, name="sip", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def do(self, command: Callable[[], Result], timeout: float = 5.0) -> Result:
        """Run `command` on the thread and hand over its result or its exception.

        Raises TimeoutError when the thread does not get to it.
        """
        future: Future[Result] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = command()
            except BaseException as error:  # noqa: BLE001  # belongs to whoever asked
                future.set_exception(error)
            else:
                future.set_result(result)

        self._commands.put(run)
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout)

    def begin_polling(self) -> None:
        """On the thread: pjsip is up, handle its events from now on."""
        self._polling = True

    def stop(self) -> None:
        """On the thread: return from it after this command."""
        self._polling = False
        self._stopped = True

    def _run(self) -> None:
        while not self._stopped:
            if self._polling:
                self._poll()
                self._drain()
            else:
                self._commands.get()()

    def _drain(self) -> None:
        while not self._stopped:
            try:
                command = self._commands.get_nowait()
            except Empty:
                return
            command()
