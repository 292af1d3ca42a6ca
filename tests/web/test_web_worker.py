"""The web worker as a process: it serves, ends when told, and says why it cannot start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

WORKER = """
import sys
from pathlib import Path
from bot.config import load_config
from bot.errors import BotError
from bot.library import Library
from bot.logs import set_up_logs
from bot.workers.web_worker import run
config = load_config(Path(sys.argv[1]))
set_up_logs(config.logs)
try:
    library = Library(config.personas.dir, config.dialplans.dir)
    sys.exit(run(config, library, lambda: print("ready", flush=True)))
except BotError as error:
    sys.exit(f"bot: {error}")
"""
PERSONA = """
name = "Clinic"
greeting = "Hello."
system_prompt = "Be kind."
metadata = { source_template_id = "helpful-assistant" }
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def taken() -> socket.socket:
    """A listening socket on a free port of loopback."""
    return socket.create_server(("127.0.0.1", 0))


def worker(folder: Path, bind: str) -> subprocess.Popen[str]:
    (folder / "personas").mkdir()
    (folder / "personas" / "clinic.toml").write_text(PERSONA)
    (folder / "dialplans").mkdir()
    (folder / "dialplans" / "plan.toml").write_text('[default]\npersona = "clinic"\n')
    (folder / "config.toml").write_text(
        f'[store]\npath = "bot.db"\n[web]\nbind = "{bind}"\n'
        '[ai]\nmode = "mock"\n[logs]\nlevel = "error"\n'
    )
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder / "config.toml")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def health(port: int) -> object:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return json.load(answer)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(
    tmp_path: Path, taken: socket.socket, sign: signal.Signals
) -> None:
    port = taken.getsockname()[1]
    taken.close()
    child = worker(tmp_path, f"127.0.0.1:{port}")
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        assert health(port) == {"ok": True, "database": "ok"}
        title = Path(f"/proc/{child.pid}/cmdline").read_text()
        assert title.startswith("bot: web worker")
        child.send_signal(sign)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize(
    ("bind", "message"),
    [("127.0.0.1:{port}", "already in use"), ("192.0.2.1:8080", "cannot be bound")],
)
def test_it_says_why_it_cannot_start(
    tmp_path: Path, taken: socket.socket, bind: str, message: str
) -> None:
    child = worker(tmp_path, bind.format(port=taken.getsockname()[1]))
    _, told = child.communicate(timeout=30)
    taken.close()
    assert child.returncode == 1
    (line,) = told.splitlines()
    assert line.startswith("bot: web.bind: ") and message in line and "set web.bind" in line


def test_a_reload_shows_the_new_name_and_survives_a_broken_file(
    tmp_path: Path, taken: socket.socket
) -> None:
    port = taken.getsockname()[1]
    taken.close()
    child = worker(tmp_path, f"127.0.0.1:{port}")
    persona = tmp_path / "personas" / "clinic.toml"
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for text, shown in (
            (PERSONA.replace('"Clinic"', '"Surgery"'), "Surgery"),
            ("name = 3", "Surgery"),
            (PERSONA.replace('"Clinic"', '"Practice"'), "Practice"),
        ):
            persona.write_text(text)
            child.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 5
            while shown not in page(port):
                assert time.monotonic() < deadline, f"{shown} is not on the page"
    finally:
        child.kill()
        child.communicate()


def page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
        return str(answer.read(), "utf-8")
