"""One child process of the supervisor: forked, watched, respawned."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

import structlog

from bot.errors import BotError

CANNOT_START = 2  # exit code: a human has to change something, respawning would not help
CRASHED = 1
SETTLED_S = 10.0  # a child that lived so long starts with a clean slate
BACK_OFF_S = (0.0, 0.5, 1.0, 2.0, 5.0)
_PR_SET_PDEATHSIG = 1
_fork = multiprocessing.get_context("fork")
log = structlog.get_logger(__name__)

Ready = Callable[[], None]
Main = Callable[[Ready], int]


class Child:
    """`main(ready)` runs in the child; it calls `ready()` once it serves."""

    def __init__(self, name: str, main: Main) -> None:
        self.name = name
        self._main = main
        self._process: ForkProcess | None = None
        self._pipe: Connection | None = None
        self._started_at = 0.0
        self._deaths = 0
        self.starts = 0  # in the child: its own is counted
        self.restart_at: float | None = None
        self.ready_after_s: float | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid or 0

    @property
    def sentinel(self) -> int:
        """Readable when the process has ended."""
        assert self._process is not None, "not started"
        return self._process.sentinel

    @property
    def pipe(self) -> Connection | None:
        """Readable when the child reports ready; None afterwards."""
        return self._pipe

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode if self._process else None

    def start(self) -> None:
        self.restart_at, self.ready_after_s = None, None
        self._started_at = time.monotonic()
        self.starts += 1
        self._pipe, theirs = _fork.Pipe(duplex=False)
        self._process = _fork.Process(target=_run, args=(self._main, theirs), name=self.name)
        self._process.start()
        theirs.close()

    def take_ready(self) -> bool:
        """Read the child's report; False when it died before it was ready."""
        assert self._pipe is not None, "already taken"
        try:
            self._pipe.recv_bytes()
            self.ready_after_s = time.monotonic() - self._started_at
        except EOFError:
            return False
        finally:
            self._pipe.close()
            self._pipe = None
        return True

    def plan_restart(self) -> float:
        """It died: when to try again, in seconds from now; longer each time it dies young."""
        lived_s = time.monotonic() - self._started_at
        self._deaths = 1 if lived_s > SETTLED_S else self._deaths + 1
        wait_s = BACK_OFF_S[min(self._deaths - 1, len(BACK_OFF_S) - 1)]
        self.restart_at = time.monotonic() + wait_s
        return wait_s

    def send(self, number: int) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def stop(self, within_s: float) -> None:
        """SIGTERM, and SIGKILL for one that does not end in time."""
        self.send(signal.SIGTERM)
        self.wait(within_s)

    def wait(self, within_s: float) -> None:
        if self._process is None:
            return
        self._process.join(max(0.0, within_s))
        if self._process.is_alive():
            log.warning("killed: it did not end in time", worker=self.name)
            self._process.kill()
            self._process.join()


def _run(main: Main, pipe: Connection) -> None:
    """In the child. Leaves by os._exit: pjsua2's threads must not outlive a failed main."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us through the supervisor
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # never outlive the supervisor
    code = CRASHED
    try:
        code = main(lambda: pipe.send_bytes(b"ready"))
    except BotError as error:
        print(f"bot: {error}", file=sys.stderr)
        code = CANNOT_START
    except Exception:  # the outermost loop of a worker
        log.exception("worker crashed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
