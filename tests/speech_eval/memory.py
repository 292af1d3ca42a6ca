"""What the speech worker takes: the process users run, with both models loaded and used."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil

from bot.audio import wav
from tests.eval.cache import Pcm
from tests.speech_eval.corpus import HZ, corpus
from tests.speech_eval.heard import heard
from tests.speech_eval.lines import condition as line

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0  # on a machine that does other things as well
CALLERS = 4
LONG_S = 28  # the longest that whisper gets at once
ANSWER = (
    "We open at eight from Monday to Friday, and at ten on Saturday. "
    "Could you tell me your name and your date of birth, please, so that I find you in our books?"
)


def rss_mb(whisper: str) -> dict[str, float]:
    """Resident MiB of `python -m bot speech` after use, and the most it ever had.

    Used: four callers speaking and being spoken to at once, twice, then LONG_S of speech.
    """
    with running(whisper) as (process, client):
        usual = [_upload(told) for told in _speech(7)]
        for _ in range(2):
            with ThreadPoolExecutor(2 * CALLERS) as pool:
                asked = [pool.submit(_hear, client, each) for each in usual[:CALLERS]]
                asked += [pool.submit(_speak, client) for _ in range(CALLERS)]
            for each in asked:
                each.result()
        _hear(client, _upload(next(_speech(LONG_S))))
        after = psutil.Process(process.pid).memory_info().rss / 2**20
        return {"after": round(after), "most": round(_most_ever(process.pid))}


@contextmanager
def running(whisper: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The worker as a process of its own, and who asks it over its socket."""
    with tempfile.TemporaryDirectory() as folder:
        socket, config = Path(folder) / "s.sock", Path(folder) / "config.toml"
        config.write_text(f'[speech]\nsocket = "{socket}"\nwhisper = "{whisper}"\n')
        command = [sys.executable, "-m", "bot", "speech", "-c", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        transport = httpx.HTTPTransport(uds=str(socket))
        try:
            with httpx.Client(transport=transport, base_url="http://s", timeout=60) as client:
                _until_ready(process, client)
                yield process, client
        finally:
            process.kill()
            process.wait()


def _until_ready(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if client.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the speech worker does not start")


def _speech(seconds: int) -> Iterator[Pcm]:
    """Speech over G.711 in runs of that length."""
    row: list[Pcm] = []
    length = 0
    for each in corpus()[::-1]:
        told = heard(each, line("g711")).pcm
        row.append(told)
        length += len(told)
        if length >= seconds * HZ:
            yield np.concatenate(row)[: seconds * HZ]
            row, length = [], 0


def _upload(pcm: Pcm) -> bytes:
    return wav.header(HZ, 1, 2 * len(pcm)) + pcm.tobytes()


def _hear(client: httpx.Client, clip: bytes) -> None:
    files = {"file": ("said.wav", clip, "audio/wav")}
    form = {"model": "whisper", "language": "en"}
    answer = client.post("/v1/audio/transcriptions", files=files, data=form)
    assert answer.raise_for_status().json()["text"], "nothing was heard"


def _speak(client: httpx.Client) -> None:
    body = {"model": "tts", "input": ANSWER, "voice": "", "response_format": "pcm"}
    assert client.post("/v1/audio/speech", json=body).raise_for_status().content, "nothing was said"


def _most_ever(pid: int) -> float:
    """VmHWM of /proc, MiB."""
    told = Path(f"/proc/{pid}/status").read_text()
    (line_of,) = (each for each in told.splitlines() if each.startswith("VmHWM"))
    return int(line_of.split()[1]) / 1024
