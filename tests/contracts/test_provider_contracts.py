"""What every provider of a kind promises, asked of each one that can run here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.config import Ai, Config, Speech
from bot.engine.stop_words import StopWords
from bot.persona import Persona
from bot.providers.base import (
    LanguageModel,
    Message,
    SpeechToText,
    TextToSpeech,
    Tool,
    ToolCall,
    Voice,
)
from bot.providers.espeak import Espeak
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from bot.providers.piper_local import PiperLocal
from bot.providers.registry import providers_for
from bot.providers.scripted import Scripted
from bot.providers.whisper_local import WhisperLocal
from tests.providers.clouds import CLOUDS, cloud, provider
from tests.providers.vendor_server import delta
from tests.support import phone
from tests.workers.speech_process import SpeechProcess, speech_process

SENTENCE = "What time do you open tomorrow?"
PERSONA = Persona.model_validate(
    {
        "name": "Clinic", "greeting": "Hello.", "system_prompt": "x",
        "metadata": {"source_template_id": "t"},
        "answers": [{"ask": [SENTENCE], "say": "We open at nine.", "topic": "hours"}],
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechProcess]:
    with speech_process(tmp_path_factory.mktemp("speech") / "s.sock") as running:
        yield running


@pytest.fixture(scope="module")
def question() -> np.ndarray:
    """SENTENCE at 16 kHz with the silence a caller leaves around it."""
    gap = phone.silence(0.3, 16_000)
    return np.concatenate([gap, phone.spoken(SENTENCE, 16_000), gap])


def local(worker: SpeechProcess) -> Config:
    return Config(ai=Ai(mode="local"), speech=Speech(socket=Path(worker.socket)))


def cloud_names(kind: str) -> list[str]:
    return [name for name, of in CLOUDS if of == kind]


@asynccontextmanager
async def behaving(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A provider behind HTTP, its server as good as the vendor's."""
    async with cloud(monkeypatch, name) as server, provider(name, kind, server) as made:
        server.hears, server.speaks = SENTENCE, True
        server.events(delta("We open "), delta("at nine.", "stop"), "[DONE]")
        yield made


@pytest.fixture(params=["whisper_local", "speech worker", "mock", *cloud_names("stt")])
async def stt(
    request: pytest.FixtureRequest, worker: SpeechProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SpeechToText]:
    if request.param in cloud_names("stt"):
        async with behaving(request.param, "stt", monkeypatch) as cloudy:
            yield cloudy
        return
    made: SpeechToText
    match request.param:
        case "whisper_local":
            made = WhisperLocal()
        case "speech worker":
            made = providers_for(local(worker), PERSONA).stt
        case _:
            made = MockSpeechToText([SENTENCE])
    yield made
    await made.close()


@pytest.fixture(params=["piper_local", "espeak", "speech worker", "mock", *cloud_names("tts")])
async def tts(
    request: pytest.FixtureRequest, worker: SpeechProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TextToSpeech]:
    if request.param in cloud_names("tts"):
        async with behaving(request.param, "tts", monkeypatch) as cloudy:
            yield cloudy
        return
    makers = {
        "piper_local": PiperLocal,
        "espeak": Espeak,
        "speech worker": lambda: providers_for(local(worker), PERSONA).tts,
        "mock": MockTextToSpeech,
    }
    made: TextToSpeech = makers[request.param]()
    yield made
    await made.close()


@pytest.fixture(params=["scripted", "mock", *cloud_names("llm")])
async def llm(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LanguageModel]:
    if request.param in cloud_names("llm"):
        async with behaving(request.param, "llm", monkeypatch) as cloudy:
            yield cloudy
        return
    made: LanguageModel = Scripted(PERSONA) if request.param == "scripted" else MockLanguageModel()
    yield made
    await made.close()


# ---- speech to text


async def test_stt_hears_what_was_said(stt: SpeechToText, question: np.ndarray) -> None:
    assert stt.name and stt.rate == 16_000
    for urgent in (False, True):
        heard = await stt.transcribe(question, language="en", urgent=urgent)
        assert heard.text.strip(".?! ").lower() == SENTENCE.strip("?").lower()
        assert heard.text == heard.text.strip() and heard.language == "en"


async def test_stt_is_helped_by_what_is_expected_but_not_led(
    stt: SpeechToText, question: np.ndarray
) -> None:
    expect = StopWords("en").expected
    heard = await stt.transcribe(question, language="en", urgent=True, expect=expect)
    assert heard.text.strip(".?! ").lower() == SENTENCE.strip("?").lower()


async def test_stt_hears_nothing_in_silence_and_in_nothing(stt: SpeechToText) -> None:
    for length in (0, 1, 1600, 48_000):
        nothing = np.zeros(length, np.int16)
        for expect in ("", "Stop! Wait. Hold on."):
            assert (await stt.transcribe(nothing, language="en", expect=expect)).text == ""


async def test_stt_leaves_the_loop_free(stt: SpeechToText, question: np.ndarray) -> None:
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            longest = max(longest, loop.time() - before)

    beating = asyncio.create_task(beat())
    await stt.transcribe(np.concatenate([question] * 3), language="en")
    beating.cancel()
    assert longest < 0.1


async def test_stt_serves_several_calls_at_once_and_survives_a_hang_up(
    stt: SpeechToText, question: np.ndarray
) -> None:
    tasks = [asyncio.create_task(stt.transcribe(question, language="en")) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    heard = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(heard[1], asyncio.CancelledError)
    assert all(not isinstance(each, BaseException) and each.text for each in heard[2:])
    assert (await stt.transcribe(question, language="en")).text


# ---- text to speech


async def spoken(tts: TextToSpeech, text: str, voice: Voice) -> np.ndarray:
    chunks = [chunk async for chunk in tts.speak(text, voice=voice)]
    assert all(chunk.dtype == np.int16 and chunk.ndim == 1 and len(chunk) for chunk in chunks)
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


async def test_tts_speaks_about_as_long_as_a_person(tts: TextToSpeech) -> None:
    audio = await spoken(tts, SENTENCE, Voice())
    assert tts.name and 0.9 < len(audio) / tts.rate < 3.0
    assert 1000 < np.abs(audio.astype(int)).max() <= 32_767


async def test_tts_begins_with_speech(tts: TextToSpeech) -> None:
    audio = await spoken(tts, SENTENCE, Voice())
    first = np.flatnonzero(np.abs(audio.astype(int)) > 100)[0]
    assert first / tts.rate < 0.06


async def test_tts_ignores_what_it_does_not_have(tts: TextToSpeech) -> None:
    voice = Voice(preset_id="p225", pitch=2.0, style="cheerful", speed=1.3)
    usual, fast = await spoken(tts, SENTENCE, Voice()), await spoken(tts, SENTENCE, voice)
    assert 0 < len(fast) < len(usual)


async def test_tts_can_be_left_in_mid_sentence(tts: TextToSpeech) -> None:
    stream = tts.speak("One sentence. Another sentence. A third sentence.", voice=Voice())
    assert len(await anext(stream))
    await stream.aclose()
    assert len(await spoken(tts, SENTENCE, Voice()))


async def test_tts_serves_several_calls_at_once(tts: TextToSpeech) -> None:
    clips = await asyncio.gather(*(spoken(tts, SENTENCE, Voice()) for _ in range(3)))
    assert all(len(clip) > 0.8 * tts.rate for clip in clips)


# ---- language model


async def test_llm_streams_pieces_that_make_the_reply(llm: LanguageModel) -> None:
    messages = [Message("system", "x"), Message("assistant", "Hello."), Message("user", SENTENCE)]
    pieces = [piece async for piece in llm.reply(messages)]
    assert llm.name and len(pieces) > 1 and all(pieces)
    text = "".join(pieces)
    assert "  " not in text and text == text.lstrip() and "open" in text


@pytest.mark.parametrize("name", ["groq", "openai_compat"])
async def test_llm_tells_tools_in_the_vendor_s_format_and_reads_calls_in_fragments(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = Tool("order", "Looks up an order.", {"type": "object", "properties": {"n": {}}})
    call = ToolCall("call_7", "order", '{"n": 1}')
    talk = [
        Message("user", "Where is it?"),
        Message("assistant", "", calls=(call,)),
        Message("tool", "on its way", call_id="call_7"),
    ]
    async with cloud(monkeypatch, name) as server, provider(name, "llm", server) as made:
        server.events(
            delta("One moment."),
            fragment(0, id="call_1", name="order", arguments=""),
            fragment(0, arguments='{"n"'),
            fragment(1, id="call_2", name="hang_up", arguments="{}"),
            fragment(0, arguments=": 4}"),
            delta(None, "tool_calls"),
            "[DONE]",
        )
        pieces = [piece async for piece in made.reply(talk, tools=[tool])]
        (asked,) = server.asked
    assert pieces == [
        "One moment.", ToolCall("call_1", "order", '{"n": 4}'), ToolCall("call_2", "hang_up", "{}"),
    ]  # fmt: skip
    assert asked["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "order", "description": "Looks up an order.", "parameters": tool.parameters,
            },
        }
    ]  # fmt: skip
    assert asked["messages"][1:] == [
        {
            "role": "assistant", "content": "",
            "tool_calls": [
                {
                    "id": "call_7", "type": "function",
                    "function": {"name": "order", "arguments": '{"n": 1}'},
                }
            ],
        },
        {"role": "tool", "content": "on its way", "tool_call_id": "call_7"},
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["groq", "openai_compat"])
async def test_llm_speaks_of_tools_only_where_there_are_some(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many a server refuses a request that speaks of tools."""
    async with cloud(monkeypatch, name) as server, provider(name, "llm", server) as made:
        server.events(delta("Hello.", "stop"), "[DONE]")
        assert [piece async for piece in made.reply([Message("user", "Hi.")])] == ["Hello."]
        assert "tools" not in server.asked[0]


def fragment(index: int, *, id: str = "", **function: str) -> str:  # noqa: A002
    call = {"index": index, "function": function} | ({"id": id, "type": "function"} if id else {})
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    return json.dumps({"choices": [choice]})


async def test_llm_is_stateless_and_can_be_left(llm: LanguageModel) -> None:
    messages = [Message("user", SENTENCE)]
    stream = llm.reply(messages)
    first = await anext(stream)
    await stream.aclose()
    assert await anext(llm.reply(messages)) == first
