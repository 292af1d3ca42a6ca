"""A web worker as a process of its own, with providers that answer at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.toml_text import toml

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from pathlib import Path
from bot.config import load_config
from bot.library import Library
from bot.logs import set_up_logs
from bot.workers.web_worker import run
config = load_config(Path(sys.argv[1]))
set_up_logs(config.logs)
library = Library(config.personas.dir, config.dialplans.dir)
sys.exit(run(config, library, lambda: print("ready", flush=True)))
"""
PERSONA = {
    "name": "Clinic", "greeting": "Hello.", "system_prompt": "Be kind.",
    "metadata": {"source_template_id": "helpful-assistant"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebProcess:
    """One that takes calls."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def lives(self) -> bool:
        return self.process.poll() is None


@contextmanager
def web_worker(folder: Path, **web: Any) -> Iterator[WebProcess]:
    """Started in the folder with these settings under [web]; killed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("personas", "dialplans"):
        (folder / name).mkdir()
    (folder / "personas" / "clinic.toml").write_text(toml(PERSONA))
    (folder / "dialplans" / "plan.toml").write_text('[default]\npersona = "clinic"\n')
    config = {
        "web": {"bind": f"127.0.0.1:{port}", **web}, "ai": {"mode": "mock"},
        "store": {"path": "bot.db"},
    }  # fmt: skip
    (folder / "config.toml").write_text(toml(config))
    log = folder / "log"
    with log.open("w") as told:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder / "config.toml")],
            stdout=subprocess.PIPE, stderr=told, text=True, cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith(("BOT__", "WEB_LINK_"))},
        )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", log.read_text()
        scheme = "https" if "tls_cert" in web else "http"
        yield WebProcess(f"{scheme}://127.0.0.1:{port}", process, log)
    finally:
        process.kill()
        process.communicate()
