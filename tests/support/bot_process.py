"""A real bot as its own process: own folder, own ports, started, watched, ended by its pid."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from bot.config import RTP_PORTS
from tests.support.gentle import GENTLY, at_full_speed, held_back, others_talk
from tests.support.ports import free_port, free_udp_range
from tests.support.probe import options_status
from tests.support.toml_text import merged, toml

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0  # cold page cache and a busy machine; a healthy bot needs a few seconds
STOP_S = 12.0
FAST_TURN = {"turn": {"silence_ms": 700}}  # laid over the personas where the default is not tested

RECEPTION = "helpful-assistant"
RECEPTION_PLAN = {
    "routes": [{"number": "1000", "persona": RECEPTION}],
    "default": {"persona": RECEPTION},
}


def shipped_persona(slug: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "personas" / f"{slug}.toml").read_text())


@cache
def _phrases() -> Path:
    """What bots under test have rendered, those of this process or of a whole `make test`: without
    it most of their work is to speak again what another one has just spoken."""
    if shared := os.environ.get("TEST_PHRASES"):
        Path(shared).mkdir(parents=True, exist_ok=True)  # rendered anew each time without it
        return Path(shared)
    folder = Path(tempfile.mkdtemp(prefix="phrases"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class BotDied(AssertionError):
    """The bot ended or never became ready; the text holds what it printed."""


class BotProcess:
    """`python -m bot serve` in `folder` with the shipped personas and dialplans.

    `config` is laid over a config.toml with free ports, `persona` over every persona file
    (for instance {"turn": {"silence_ms": 700}}); `dialplan` and `personas` (slug → table)
    replace the shipped files. One that is `cold` finds none of its phrases rendered.
    """

    def __init__(
        self,
        folder: Path,
        *,
        config: Mapping[str, Any] | None = None,
        persona: Mapping[str, Any] | None = None,
        personas: Mapping[str, Mapping[str, Any]] | None = None,
        dialplan: Mapping[str, Any] | None = None,
        cold: bool = False,
    ) -> None:
        self.folder = folder
        self.config = merged(self._defaults(), config or {})
        self.output = folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None
        self.tree: dict[int, psutil.Process] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._write(persona or {}, personas, dialplan)
        rendered = self.db.parent / "phrases"
        if not cold and not rendered.exists():
            rendered.parent.mkdir(parents=True, exist_ok=True)
            rendered.symlink_to(_phrases())

    def _defaults(self) -> dict[str, Any]:
        return {
            "sip": {"bind": f"127.0.0.1:{free_port()}", "rtp_port": free_udp_range(RTP_PORTS)},
            "web": {"bind": f"127.0.0.1:{free_port()}"},
        }

    def _write(
        self,
        over: Mapping[str, Any],
        personas: Mapping[str, Mapping[str, Any]] | None,
        dialplan: Mapping[str, Any] | None,
    ) -> None:
        (self.folder / "config.toml").write_text(toml(self.config))
        (self.folder / "personas").mkdir(exist_ok=True)
        if personas is None:
            slugs = [path.stem for path in (ROOT / "personas").glob("*.toml")]
            personas = {slug: shipped_persona(slug) for slug in slugs}
        for slug, table in personas.items():
            (self.folder / "personas" / f"{slug}.toml").write_text(toml(merged(table, over)))
        if dialplan is None:
            shutil.copytree(ROOT / "dialplans", self.folder / "dialplans", dirs_exist_ok=True)
        else:
            (self.folder / "dialplans").mkdir(exist_ok=True)
            (self.folder / "dialplans" / "test.toml").write_text(toml(dialplan))

    # ---- where things are -------------------------------------------------------------------

    @property
    def sip(self) -> tuple[str, int]:
        host, port = self.config["sip"]["bind"].rsplit(":", 1)
        return host, int(port)

    @property
    def db(self) -> Path:
        return self.folder / str(self.config.get("store", {}).get("path", "var/bot.db"))

    @property
    def recordings(self) -> Path:
        return self.folder / str(self.config.get("recordings", {}).get("dir", "var/recordings"))

    @property
    def pid(self) -> int:
        assert self.process, "not started"
        return self.process.pid

    def worker(self, name: str) -> psutil.Process:
        """The child whose command line names it: "sip" or "speech"."""
        found = [child for child in self._children() if name in worker_title(child)]
        if len(found) != 1:
            titles = [worker_title(child) for child in self._children()]
            raise AssertionError(f"{len(found)} children named {name!r} among {titles}")
        return found[0]

    def _children(self) -> list[psutil.Process]:
        children = psutil.Process(self.pid).children(recursive=True)
        self.tree.update({child.pid: child for child in children})
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Read the store; a fresh connection each time, so that the WAL is seen."""
        with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=5) as base:
            base.row_factory = sqlite3.Row
            return base.execute(sql, values).fetchall()

    def printed(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    # ---- its life -----------------------------------------------------------------------------

    def start(self, wait: bool = True) -> float:
        """Start it; seconds from exec to a SIP port that answers. Raises BotDied."""
        gently = ["nice", "-n", str(GENTLY)] if wait and others_talk() else []
        with self.output.open("ab") as output:
            begun = time.monotonic()
            self.process = subprocess.Popen(
                [
                    *gently, sys.executable, "-m", "bot", "serve",
                    "-c", str(self.folder / "config.toml"),
                ],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        if gently:
            held_back(self.process.pid)
        if wait:
            self.until_ready()
        if gently:
            at_full_speed(psutil.Process(self.pid))
        return time.monotonic() - begun

    def until_ready(self, timeout: float = READY_S) -> None:
        deadline = time.monotonic() + timeout
        while options_status(self.sip, 0.1) != 200:
            if self.process and self.process.poll() is not None:
                raise BotDied(f"exit code {self.process.returncode}\n{self.printed()}")
            if time.monotonic() > deadline:
                raise BotDied(f"not ready after {timeout} s\n{self.printed()}")
        self._children()

    def until_printed(self, text: str, *, times: int = 1, timeout: float = 10.0) -> None:
        """Wait until it has printed `text` that often."""
        deadline = time.monotonic() + timeout
        while self.printed().count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} was not printed {times} times"
            time.sleep(0.02)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM) without waiting."""
        assert self.process, "not started"
        self._children()
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = STOP_S) -> int:
        """Its exit code. Raises BotDied when it does not end in time."""
        assert self.process, "not started"
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise BotDied(f"still there after {timeout} s\n{self.printed()}") from None

    def stop(self) -> None:
        """End it, politely first; whatever it started that is left over is killed by its pid."""
        if self.process and self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for child in self.tree.values():
            if child.is_running():
                child.kill()


class BotMaker:
    """Starts bots in folders of their own under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, list[BotProcess]()

    def __call__(self, *, start: bool = True, **how: Any) -> BotProcess:
        """See BotProcess, but with the reception alone, which is ready in a third of the time.

        Turns end after 700 ms unless `persona` says otherwise.
        """
        how.setdefault("persona", FAST_TURN)
        how.setdefault("personas", {RECEPTION: shipped_persona(RECEPTION)})
        how.setdefault("dialplan", RECEPTION_PLAN)
        self.made.append(BotProcess(self.folder / f"bot{len(self.made)}", **how))
        if start:
            self.made[-1].start()
        return self.made[-1]

    def stop_all(self) -> None:
        for each in self.made:
            each.stop()


def worker_title(process: psutil.Process) -> str:
    """What a child calls itself: process title and command line."""
    try:
        return " ".join([process.name(), *process.cmdline()[:4]])
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
