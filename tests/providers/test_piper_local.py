"""Piper in this process: voices of other people's making."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from bot.errors import StartError
from bot.providers.base import Voice
from bot.providers.piper_local import PACKAGED, PiperLocal, find_voice


async def test_a_voice_of_ones_own_is_a_file_anywhere(tmp_path: Path) -> None:
    packaged = find_voice(PACKAGED)
    for end in ("", ".json"):
        shutil.copy(f"{packaged}{end}", tmp_path / f"mine.onnx{end}")
    piper = PiperLocal(str(tmp_path / "mine.onnx"))
    chunks = [chunk async for chunk in piper.speak("Good morning.", voice=Voice())]
    await piper.close()
    assert piper.voice_name == "mine"
    assert np.abs(np.concatenate(chunks).astype(int)).max() > 1000


def test_a_voice_that_is_no_voice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"speech\.voice"):
        PiperLocal(str(tmp_path / "gone.onnx"))
    for name in ("x.onnx", "x.onnx.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(StartError, match="not a Piper voice"):
        PiperLocal(str(tmp_path / "x.onnx"))
