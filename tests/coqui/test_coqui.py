"""Coqui in this process: a real VITS, small and random, from its files to the sound."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from bot.errors import ProviderError, StartError
from bot.providers.base import Voice
from bot.providers.coqui import CoquiLocal
from bot.providers.sentence_thread import TAIL_S
from tests.coqui.tiny_vits import NAME, RATE_HZ, SPEAKERS, TinyVits

SENTENCE = "What time do you open tomorrow?"


@pytest.fixture
async def coqui(tiny: TinyVits) -> AsyncIterator[CoquiLocal]:
    made = CoquiLocal(str(tiny.model), str(tiny.config))
    yield made
    await made.close()


async def chunks(coqui: CoquiLocal, text: str = SENTENCE, **voice: str | float) -> list[np.ndarray]:
    return [chunk async for chunk in coqui.speak(text, voice=Voice(**voice))]


async def spoken(coqui: CoquiLocal, text: str = SENTENCE, **voice: str | float) -> np.ndarray:
    return np.concatenate(await chunks(coqui, text, **voice))


async def test_it_tells_what_it_is(coqui: CoquiLocal) -> None:
    assert (coqui.name, coqui.rate, coqui.speakers) == ("coqui", RATE_HZ, SPEAKERS)
    assert coqui.voice_name == "model p225"


async def test_a_persona_picks_the_speaker(coqui: CoquiLocal, tiny: TinyVits) -> None:
    usual = await spoken(coqui)
    np.testing.assert_array_equal(usual, await spoken(coqui, preset_id="p225"))
    other = await spoken(coqui, preset_id="p226")
    assert not np.array_equal(usual, other)
    configured = CoquiLocal(str(tiny.model), str(tiny.config), "p226")
    np.testing.assert_array_equal(other, await spoken(configured))
    await configured.close()


async def test_a_speaker_of_another_provider_is_told_once_and_replaced(coqui: CoquiLocal) -> None:
    with capture_logs() as told:
        voices = [await spoken(coqui, preset_id="joe") for _ in range(2)]
    assert [(line["event"], line["preset_id"], line["instead"]) for line in told] == [
        ("coqui.unknown_speaker", "joe", "p225")
    ]
    np.testing.assert_array_equal(voices[1], await spoken(coqui))


async def test_each_of_two_callers_hears_the_pace_of_its_persona(coqui: CoquiLocal) -> None:
    text = "One sentence. Another sentence. A third sentence."
    slow, fast = await spoken(coqui, text, speed=0.6), await spoken(coqui, text, speed=2.0)
    assert len(slow) > 1.5 * len(fast)
    together = await asyncio.gather(spoken(coqui, text, speed=0.6), spoken(coqui, text, speed=2.0))
    assert [len(each) for each in together] == [len(slow), len(fast)]


async def test_sentences_come_one_by_one_without_the_silence_coqui_adds(coqui: CoquiLocal) -> None:
    made = await chunks(coqui, "We open at nine. On Saturday we open at ten. ... Anything else?")
    assert len(made) == 3
    for chunk in made:
        loud = np.flatnonzero(np.abs(chunk.astype(int)) > 100)
        assert loud[0] < 0.03 * RATE_HZ and len(chunk) - loud[-1] < (TAIL_S + 0.02) * RATE_HZ


@pytest.mark.parametrize("text", ["", "   ", "... !", "–"])
async def test_without_words_nothing_is_said(coqui: CoquiLocal, text: str) -> None:
    assert await chunks(coqui, text) == []


async def test_what_is_said_is_in_no_log(
    coqui: CoquiLocal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await spoken(coqui, "My name is Zw\u0259\u0252d\u01c2 and I live in Oslo.")
    assert not [line for line in caplog.messages if "Oslo" in line or "oslo" in line]


async def test_a_failure_says_so_without_the_words(
    coqui: CoquiLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # espeak-ng turns the words into sounds
    with pytest.raises(ProviderError) as caught:
        await spoken(coqui)
    assert caught.value.retryable and "failed" in str(caught.value)
    assert "tomorrow" not in str(caught.value)
    monkeypatch.undo()
    assert len(await spoken(coqui))


async def test_a_model_of_the_list_is_taken_from_where_coqui_stores_it(
    tiny: TinyVits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tmp_path / "tts" / NAME.replace("/", "--")
    stored.mkdir(parents=True)
    shutil.copy(tiny.model, stored / "model_file.pth")
    shutil.copy(tiny.config, stored)
    shutil.copy(tiny.config.with_name("speakers.json"), stored / "speakers.json")
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    named = CoquiLocal(NAME)
    assert named.voice_name == f"{NAME} p225" and len(await spoken(named))
    await named.close()


def test_without_internet_the_folder_to_fill_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:1")  # nobody listens there
    with pytest.raises(StartError, match="nor could it be fetched") as caught:
        CoquiLocal(NAME)
    assert str(tmp_path / "tts" / "tts_models--en--vctk--vits") in str(caught.value)


@pytest.mark.parametrize("name", ["tts_models/en/vctk/nobody", "tts_models/vits"])
def test_a_name_that_is_not_in_the_list_is_told(name: str) -> None:
    with pytest.raises(StartError, match=r"coqui\.model: Coqui's list has no"):
        CoquiLocal(name)


def test_files_that_are_not_there_or_no_model(tiny: TinyVits, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pth"
    junk.write_bytes(b"no model at all")
    empty = tmp_path / "config.json"
    empty.write_text("{}")
    model, config = str(tiny.model), str(tiny.config)
    for files, what in (
        ((model, ""), r"coqui\.config is empty.*Name the config\.json"),
        ((str(tmp_path / "gone.pth"), config), r"gone\.pth: no such file\. Mend coqui\.model"),
        ((model, str(tmp_path / "gone.json")), r"gone\.json: no such file\. Mend coqui\.config"),
        ((str(junk), config), r"junk\.pth: not a Coqui model"),
        ((model, str(empty)), r"not a Coqui model.*they belong together"),
    ):
        with pytest.raises(StartError, match=what):
            CoquiLocal(*files)


def test_a_speaker_the_model_has_not_is_told_with_those_it_has(tiny: TinyVits) -> None:
    with pytest.raises(StartError, match=r"coqui\.speaker: .* no 'p999'\. It has p225, p226\."):
        CoquiLocal(str(tiny.model), str(tiny.config), "p999")
