"""The names of the speech worker's parts, as a chain uses them: the real worker, asked by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from bot.config import Ai, Config
from bot.errors import ProviderError, StartError
from bot.providers.base import Voice
from bot.providers.coqui import CoquiLocal
from bot.providers.coqui_models import device_for
from bot.providers.registry import create, providers_for
from bot.providers.trail import watching
from bot.speech_settings import Speech
from bot.store.detours import detours
from tests.providers.clouds import PERSONA, cloud, config_for
from tests.support.phone import spoken
from tests.workers.speech_process import SpeechProcess, speech_process

SENTENCE = "What time do you open tomorrow?"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechProcess]:
    with speech_process(tmp_path_factory.mktemp("speech") / "s.sock") as running:
        yield running


@pytest.fixture(scope="module")
def question() -> np.ndarray:
    return spoken(SENTENCE, 16_000)


async def test_whisper_local_answers_for_a_busy_cloud_and_the_record_says_so(
    worker: SpeechProcess, question: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, "groq") as server:
        server.status, server.reply_headers = 429, {"Retry-After": "30"}
        config = config_for(server.base_url, stt=["groq", "whisper_local"])
        stt = providers_for(
            config.model_copy(update={"speech": Speech(socket=worker.socket)}), PERSONA
        ).stt
        with watching() as trail:
            heard = await stt.transcribe(question, language="en")
        await stt.close()
    assert "open tomorrow" in heard.text
    after = [{"provider": miss.provider, "code": miss.code} for miss in trail.misses]
    noted = {"turn": 1, "what": "stt", "answered": trail.answered, "after": after}
    assert [str(each) for each in detours([noted])] == [
        "stt answered by whisper_local after groq 429"
    ]


async def test_piper_local_is_the_voice_of_the_worker(worker: SpeechProcess) -> None:
    config = Config(ai=Ai(tts="piper_local"), speech=Speech(socket=worker.socket))
    tts = providers_for(config, PERSONA).tts
    with watching() as trail:
        chunks = [chunk async for chunk in tts.speak(SENTENCE, voice=Voice())]
    await tts.close()
    assert trail.answered == "piper_local" and sum(map(len, chunks)) > tts.rate


async def test_coqui_of_a_worker_that_has_none_is_no_answer(worker: SpeechProcess) -> None:
    tts = create("tts", "coqui", Config(speech=Speech(socket=worker.socket)), PERSONA)
    with pytest.raises(ProviderError) as caught:
        _ = [chunk async for chunk in tts.speak(SENTENCE, voice=Voice())]
    await tts.close()
    assert caught.value.code == "404" and not caught.value.retryable


def test_coqui_computes_on_a_card_that_torch_finds_unless_told_otherwise() -> None:
    assert [device_for("auto", card) for card in (False, True)] == ["cpu", "cuda"]
    assert [device_for("cpu", card) for card in (False, True)] == ["cpu", "cpu"]
    assert device_for("cuda", card=True) == "cuda"
    with pytest.raises(StartError, match=r'speech\.device is "cuda".*Set it to "auto"'):
        device_for("cuda", card=False)


def test_without_its_extra_coqui_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("TTS", "torch"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(StartError, match=r"not installed\. Run: make coqui .*pip install"):
        CoquiLocal("tts_models/en/vctk/vits")
