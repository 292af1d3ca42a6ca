"""A thread that does what must not hold up a call: compressing, writing to disk."""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Job = Callable[[], None]


class Background:
    """Does jobs in the order they came, in a thread of its own, one for the whole process.

    Make it when the module is loaded: the thread begins with the first job, and again with the
    first job after a fork. Before the process ends, what was handed over is done.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._making = threading.Lock()
        self._jobs: queue.SimpleQueue[Job] | None = None
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.flush)

    def put(self, job: Job) -> None:
        """Have it done soon; returns at once."""
        with self._making:
            if self._jobs is None:
                self._jobs = queue.SimpleQueue()
                threading.Thread(
                    target=self._run, args=(self._jobs,), name=self._name, daemon=True
                ).start()
            self._jobs.put(job)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was handed over so far is done; False when it takes longer."""
        if self._jobs is None:
            return True
        done = threading.Event()
        self.put(done.set)
        return done.wait(timeout_s)

    def _run(self, jobs: queue.SimpleQueue[Job]) -> None:
        while True:
            job = jobs.get()
            try:
                job()
            except Exception:  # the outermost loop: a bug costs one job, never all
                log.exception("background job failed", thread=self._name)

    def _forget(self) -> None:
        self._making, self._jobs = threading.Lock(), None  # threads do not survive a fork
