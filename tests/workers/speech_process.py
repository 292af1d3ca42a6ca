"""The speech worker as users run it: a process of its own, asked over its socket or a port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, os, sys
from bot.config import Config
from bot.errors import StartError
from bot.workers import speech_worker
told, bind, ready = sys.argv[1:]
config = Config.model_validate_json(told)
try:
    sys.exit(speech_worker.run(
        config, bind, on_ready=lambda: os.write(int(ready), b"x"), coqui="coqui" in json.loads(told)
    ))
except StartError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


@dataclass
class SpeechProcess:
    process: subprocess.Popen[str]
    socket: Path

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


def launch(
    socket: Path, *, voice: str = "joe", whisper: str = "tiny.en", bind: str = "",
    coqui: Mapping[str, str] | None = None, environ: dict[str, str] | None = None,
) -> tuple[SpeechProcess, bool]:  # fmt: skip
    """The process, and whether it listens; if not, it has ended. `coqui` is that section."""
    config: dict[str, Any] = {"speech": {"socket": str(socket), "voice": voice, "whisper": whisper}}
    if coqui is not None:
        config["coqui"] = coqui
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(config), bind, str(writing)],
        cwd=ROOT, env=os.environ | (environ or {}), pass_fds=[writing], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    ready = os.read(reading, 1) == b"x"
    os.close(reading)
    return SpeechProcess(process, socket), ready


@contextmanager
def speech_process(socket: Path, **options: Any) -> Iterator[SpeechProcess]:
    running, ready = launch(socket, **options)
    try:
        assert ready, running.process.communicate()[1]
        yield running
    finally:
        running.process.kill()
        running.process.communicate()
