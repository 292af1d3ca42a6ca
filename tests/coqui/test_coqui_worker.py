"""Coqui where it is at home: in the speech worker, beside Piper, and in no other process."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import httpx
import numpy as np

from bot.config import Ai, Config
from bot.providers.base import TextToSpeech, Voice
from bot.providers.registry import create
from bot.speech_settings import Speech
from tests.contracts.test_provider_contracts import PERSONA
from tests.coqui.tiny_vits import TinyVits
from tests.support.bot_process import BotMaker
from tests.workers.speech_process import SpeechProcess, launch

SENTENCE = "What time do you open tomorrow?"


async def health(socket: Path) -> dict[str, str]:
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://speech") as client:
        told: dict[str, str] = (await client.get("/healthz")).json()
        return told


async def said_by(name: str, worker: SpeechProcess, **voice: str | float) -> np.ndarray:
    config = Config(ai=Ai(), speech=Speech(socket=worker.socket))
    made = cast("TextToSpeech", create("tts", name, config, PERSONA))
    chunks = [chunk async for chunk in made.speak(SENTENCE, voice=Voice(**voice))]
    await made.close()
    return np.concatenate(chunks)


async def test_speaker_and_speed_reach_it_through_the_socket(worker: SpeechProcess) -> None:
    usual, same = await said_by("coqui", worker), await said_by("coqui", worker, preset_id="p225")
    other = await said_by("coqui", worker, preset_id="p226")
    fast = await said_by("coqui", worker, speed=2.0)
    np.testing.assert_array_equal(usual, same)
    assert not np.array_equal(usual, other)
    assert len(fast) < 0.8 * len(usual)


async def test_piper_speaks_beside_it(worker: SpeechProcess) -> None:
    told = await health(worker.socket)
    assert (told["tts"], told["coqui"]) == ("en_US-joe-medium", "model p225")
    piper, coqui = await said_by("piper_local", worker), await said_by("coqui", worker)
    # the random model roars without a pause, Piper has the soft sounds of speech
    quiet = [np.mean(np.abs(each.astype(int)) < 200) for each in (piper, coqui)]
    assert quiet[0] > 3 * quiet[1], quiet


def test_files_that_are_missing_end_it_with_one_clear_line(tiny: TinyVits, tmp_path: Path) -> None:
    missing = tiny.section | {"model": str(tmp_path / "gone.pth")}
    failed, ready = launch(tmp_path / "s.sock", coqui=missing)
    printed = failed.process.communicate(timeout=60)[1]
    assert not ready and failed.process.returncode == 2
    assert "gone.pth: no such file. Mend coqui.model" in printed and "Traceback" not in printed


async def test_a_bot_that_names_coqui_speaks_with_it_and_keeps_torch_in_one_process(
    tiny: TinyVits, make_bot: BotMaker
) -> None:
    bot = make_bot(config={"ai": {"tts": "coqui"}, "coqui": tiny.section})
    told = await health(bot.folder / "var" / "speech.sock")
    assert told["coqui"] == "model p225"
    workers = [bot.worker(name) for name in ("speech", "sip", "web")]
    with_torch = ["libtorch" in Path(f"/proc/{each.pid}/maps").read_text() for each in workers]
    assert with_torch == [True, False, False]
    assert list((bot.folder / "var" / "phrases").rglob("*.*")), bot.printed()
