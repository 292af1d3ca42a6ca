"""What the bot does not import before it forks its call workers: nobody can call meanwhile."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"scipy.signal", "scipy.stats", "faster_whisper", "onnxruntime", "torch", "pedalboard"}


@pytest.mark.parametrize("worker", ["sip_worker", "web_worker"])
def test_a_call_worker_imports_nothing_slow(worker):
    script = f"import sys, bot.workers.{worker}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert f"bot.workers.{worker}" in loaded
    assert not loaded & SLOW
