"""Real child processes: readiness, death, respawn, and no orphan left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.errors import StartError
from bot.workers.child import BACK_OFF_S, CANNOT_START, CRASHED, Child, Ready


def sleeper(ready: Ready) -> int:
    ready()
    signal.pause()
    return 0


def test_a_child_reports_ready_and_ends_on_sigterm() -> None:
    child = Child("sleeper", sleeper)
    child.start()
    assert child.take_ready() and child.ready_after_s is not None
    assert child.pipe is None
    child.stop(2.0)
    assert not child.alive and child.exit_code == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    def stubborn(ready: Ready) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready()
        while True:
            signal.pause()

    child = Child("stubborn", stubborn)
    child.start()
    assert child.take_ready()
    child.stop(0.2)
    assert child.exit_code == -signal.SIGKILL


def test_what_cannot_start_says_why_and_is_not_respawned(capfd: pytest.CaptureFixture[str]) -> None:
    def hopeless(_: Ready) -> int:
        raise StartError("the weights are missing. Install them.")

    child = Child("hopeless", hopeless)
    child.start()
    assert not child.take_ready()
    child.wait(2.0)
    assert child.exit_code == CANNOT_START
    assert capfd.readouterr().err == "bot: the weights are missing. Install them.\n"


def test_a_crash_is_respawned_at_once_then_ever_later() -> None:
    def crashing(_: Ready) -> int:
        raise RuntimeError("a bug")

    child = Child("crashing", crashing)
    waits = []
    for _ in BACK_OFF_S:
        child.start()
        child.wait(2.0)
        assert child.exit_code == CRASHED
        waits.append(child.plan_restart())
    assert tuple(waits) == BACK_OFF_S


def test_a_child_knows_how_many_were_there_before_it() -> None:
    child = Child("counting", lambda ready: child.starts)
    for start in (1, 2, 3):
        child.start()
        child.wait(2.0)
        assert child.exit_code == start


def test_children_do_not_outlive_a_killed_supervisor() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal\n"
            "from bot.workers.child import Child\n"
            "def main(ready):\n"
            "    ready()\n"
            "    signal.pause()\n"
            "child = Child('c', main)\n"
            "child.start()\n"
            "child.take_ready()\n"
            "print(child.pid, flush=True)\n"
            "signal.pause()\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
