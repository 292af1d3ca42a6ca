"""Closing the records of calls whose worker is dead. For the supervisor; synchronous."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bot.errors import StoreError
from bot.store.schema import open_for_writing
from bot.store.times import from_text, to_text

CLOCK_SLACK_S = 2.0  # the kernel tells its boot time in whole seconds


def close_orphans(path: Path, worker_pid: int | None, reason: str, at: datetime) -> int:
    """End every open call of a dead worker with `reason`; how many there were.

    `at` (aware) is when the death was noticed. `worker_pid` None, for start-up: the calls of all
    workers that no longer run. Nothing else is repaired. Raises StoreError.
    """
    try:
        with closing(open_for_writing(path)) as db:
            db.execute("BEGIN IMMEDIATE")
            open_calls = list(
                db.query("SELECT id, worker_pid, started FROM calls WHERE ended IS NULL")
            )
            dead = [
                call["id"]
                for call in open_calls
                if call["worker_pid"] == worker_pid
                or (worker_pid is None and not _runs(call["worker_pid"], call["started"]))
            ]
            for call_id in dead:
                db.table("calls").update(call_id, {"ended": to_text(at), "end_reason": reason})
            db.commit()
            return len(dead)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: open calls could not be closed ({error}).") from None


def _runs(pid: int, since: str) -> bool:
    """Whether the process `pid` that carried a call begun at `since` is still the same one.

    Process numbers come back, in a container after every restart: one that started after the
    call did is somebody else.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        started = _process_start(pid)
    except (OSError, ValueError, IndexError, StopIteration):
        return True  # no /proc to ask
    return started <= from_text(since).timestamp() + CLOCK_SLACK_S


def _process_start(pid: int) -> float:
    """When a process began, seconds since the epoch; proc(5)."""
    with Path("/proc/stat").open(encoding="ascii") as lines:
        boot = next(int(line.split()[1]) for line in lines if line.startswith("btime"))
    stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    after_name = stat.rpartition(")")[2].split()  # the name may hold blanks and brackets
    return boot + int(after_name[19]) / os.sysconf("SC_CLK_TCK")
