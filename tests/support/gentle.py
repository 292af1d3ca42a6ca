"""Hard work beside telephone calls: what starts gets what those leave of the processor.

A bot that starts keeps both cores busy for seconds. At a normal priority the calls of tests that
run at the same time would stutter, and be judged for it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

GENTLY = 15  # niceness while it starts
SPEECH = 10  # what the speech worker gives itself


def others_talk() -> bool:
    """Do tests run beside this one, and may we raise a priority again (as root)?"""
    return "PYTEST_XDIST_WORKER" in os.environ and os.geteuid() == 0


def held_back(process: int) -> None:
    """Of a session's first process: by the kernel's autogroups a session gets its share as a
    whole, and priorities count within it alone."""
    _share(process, GENTLY)


def _share(process: int, niceness: int) -> None:
    with contextlib.suppress(OSError):  # a kernel without autogroups, or the process has gone
        Path(f"/proc/{process}/autogroup").write_text(f"{niceness}\n")


def at_full_speed(process: psutil.Process) -> None:
    """Give a process that was started at GENTLY, and its children, the priority they would have:
    Linux keeps one for each thread."""
    _share(process.pid, 0)
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            usual = SPEECH if each.nice() > GENTLY else 0
            for thread in each.threads():
                os.setpriority(os.PRIO_PROCESS, thread.id, usual)
