"""openai_compat on the wire, against a server that answers well, badly, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from bot.audio import wav
from bot.errors import ProviderError, ProviderTimeout
from bot.providers.base import Message, Tool, Voice
from bot.providers.http_errors import retry_after_s
from bot.providers.openai_compat import (
    OpenAiLanguageModel,
    OpenAiSpeechToText,
    OpenAiTextToSpeech,
)
from bot.providers.openai_http import Endpoint
from tests.providers.openai_server import OpenAiServer, delta, openai_server

TALK = [Message("system", "You are kind."), Message("user", "Hi")]
PCM = np.arange(-800, 800, dtype=np.int16)


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with openai_server() as running:
        yield running


def endpoint(server: OpenAiServer, deadline_s: float = 5.0) -> Endpoint:
    return Endpoint(server.base_url, "TEST_SPEECH_KEY", deadline_s)


async def reply(server: OpenAiServer, deadline_s: float = 5.0) -> list[str]:
    model = OpenAiLanguageModel(
        endpoint(server, deadline_s), model="m", options={"temperature": 0.2}
    )
    try:
        return [piece async for piece in model.reply(TALK)]
    finally:
        await model.close()


async def test_a_good_stream_arrives_in_order(server: OpenAiServer, monkeypatch) -> None:
    monkeypatch.setenv("TEST_SPEECH_KEY", "secret")
    server.events(
        delta(None), delta("Hel"), delta("lo\u2028you"), delta(None, "stop"), '{"choices": []}',
        "[DONE]",
    )  # fmt: skip
    assert await reply(server) == ["Hel", "lo\u2028you"]
    assert server.asked == [
        {
            "model": "m",
            "stream": True,
            "temperature": 0.2,
            "messages": [
                {"role": "system", "content": "You are kind."},
                {"role": "user", "content": "Hi"},
            ],
        }
    ]
    assert server.headers[0]["Authorization"] == "Bearer secret"


async def test_events_torn_anywhere_are_put_together(server: OpenAiServer) -> None:
    whole = f": comment\r\ndata: {delta('Grüß ')}\r\n\r\ndata:{delta('dich', 'stop')}\n\n".encode()
    server.chunks = [whole[at : at + 1] for at in range(len(whole))]
    assert await reply(server) == ["Grüß ", "dich"]


async def test_a_raw_line_separator_inside_json_does_not_break_the_line(
    server: OpenAiServer,
) -> None:
    server.chunks = ['data: {"choices":[{"delta":{"content":"a\u2028b"}}]}\n\n'.encode()]
    server.chunks.append(b"data: [DONE]\n\n")
    assert await reply(server) == ["a\u2028b"]


@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (401, False), (429, True), (500, True), (503, True)]
)
async def test_a_refusal_says_whether_to_retry(
    server: OpenAiServer, status: int, retryable: bool
) -> None:
    server.status = status
    with pytest.raises(ProviderError) as caught:
        await reply(server)
    assert caught.value.retryable is retryable
    assert f"HTTP {status}: no, thank you" in str(caught.value)
    assert ("TEST_SPEECH_KEY" in str(caught.value)) is (status == 401)


async def test_a_stall_in_mid_stream_is_a_timeout(server: OpenAiServer) -> None:
    server.events(delta("One"))
    server.stall = True
    model = OpenAiLanguageModel(endpoint(server, 0.2), model="m")
    stream = model.reply(TALK)
    assert await anext(stream) == "One"
    with pytest.raises(ProviderTimeout):
        await anext(stream)
    await model.close()


@pytest.mark.parametrize(
    ("events", "what"),
    [
        (["{not json"], "malformed"),
        (['{"choices": [{}]}'], "malformed"),
        (['{"error": {"message": "overloaded"}}'], "overloaded"),
        ([delta("Half a sen")], "cut off"),
    ],
)
async def test_a_broken_stream_is_an_error_worth_retrying(
    server: OpenAiServer, events: list[str], what: str
) -> None:
    server.events(*events)
    with pytest.raises(ProviderError, match=what) as caught:
        await reply(server)
    assert caught.value.retryable


async def test_a_cut_connection_is_an_error_worth_retrying(server: OpenAiServer) -> None:
    server.events(delta("Half"))
    server.cut = True
    with pytest.raises(ProviderError) as caught:
        await reply(server)
    assert caught.value.retryable


async def test_nobody_listening_is_an_error_worth_retrying(tmp_path) -> None:
    for url in ("http://127.0.0.1:1/v1", f"unix://{tmp_path}/nobody.sock"):
        stt = OpenAiSpeechToText(Endpoint(url), model="m", name="local")
        with pytest.raises(ProviderError) as caught:
            await stt.transcribe(PCM, language="en")
        assert caught.value.retryable and caught.value.provider == "local"
        await stt.close()


async def test_an_utterance_is_uploaded_as_wav(server: OpenAiServer) -> None:
    stt = OpenAiSpeechToText(endpoint(server), model="whisper-1")
    server.text = "  hello \n"
    heard = await stt.transcribe(PCM, language="de", urgent=True)
    await stt.transcribe(PCM, language="de", expect="Halt. Moment.")
    await stt.close()
    assert server.asked[1]["prompt"] == "Halt. Moment."
    assert (heard.text, heard.language) == ("hello", "de")
    asked = server.asked[0]
    channels, rate_hz = wav.decode(asked.pop("file"))
    assert rate_hz == stt.rate
    np.testing.assert_array_equal(channels[0], PCM)
    assert asked == {
        "model": "whisper-1", "language": "de", "response_format": "json", "temperature": "0",
        "filename": "utterance.wav",
    }  # fmt: skip
    assert [each.get("X-Priority") for each in server.headers] == ["urgent", None]
    assert len(server.peers) == 1, "the connection was not kept"


async def test_an_answer_without_text_is_an_error(server: OpenAiServer) -> None:
    stt = OpenAiSpeechToText(Endpoint(server.base_url.removesuffix("/v1")), model="m")
    with pytest.raises(ProviderError, match="404"):
        await stt.transcribe(PCM, language="en")
    await stt.close()


async def test_speech_in_odd_pieces_comes_as_whole_samples(server: OpenAiServer) -> None:
    raw = PCM.astype("<i2").tobytes()
    server.chunks = [raw[:1], raw[1:4], raw[4:1001], raw[1001:]]
    tts = OpenAiTextToSpeech(endpoint(server), model="m", voice="joe", voices=["joe", "ann"])
    spoken = [chunk async for chunk in tts.speak("Hi", voice=Voice(preset_id="ann", speed=1.5))]
    np.testing.assert_array_equal(np.concatenate(spoken), PCM)
    async for _ in tts.speak("Hi", voice=Voice(preset_id="p225")):
        pass
    await tts.close()
    assert server.asked == [
        {"model": "m", "response_format": "pcm", "input": "Hi", "voice": "ann", "speed": 1.5},
        {"model": "m", "response_format": "pcm", "input": "Hi", "voice": "joe"},
    ]


@pytest.mark.parametrize(
    ("model", "styles", "told"),
    [("gpt-4o-mini-tts", True, True), ("tts-1-hd", True, False), ("joe", False, False)],
)
async def test_a_style_is_told_to_models_that_have_it(
    server: OpenAiServer, model: str, styles: bool, told: bool
) -> None:
    server.chunks = [PCM.astype("<i2").tobytes()]
    tts = OpenAiTextToSpeech(endpoint(server), model=model, voice="v", styles=styles)
    for style in ("", "calm and slow"):
        assert [chunk async for chunk in tts.speak("Hi", voice=Voice(style=style))]
    await tts.close()
    assert ("style" in tts.does) == told
    usual, styled = server.asked
    assert styled == usual | ({"instructions": "calm and slow"} if told else {})


async def test_a_wav_of_another_rate_is_resampled_as_it_comes(server: OpenAiServer) -> None:
    at = np.arange(48_000) / 48_000
    tone = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
    file = wav.header(48_000, 1, wav.MAX_DATA_BYTES) + tone.tobytes()  # a stream's header
    server.chunks = [file[:10], file[10:43], file[43:5000], file[5000:]]
    tts = OpenAiTextToSpeech(endpoint(server), model="m", voice="v", audio="wav")
    spoken = np.concatenate([chunk async for chunk in tts.speak("Hi", voice=Voice())])
    await tts.close()
    assert abs(len(spoken) - 24_000) <= 24
    crossings = np.count_nonzero(np.diff(np.signbit(spoken)))
    assert abs(crossings - 880) <= 4


async def test_a_body_that_is_no_wav_is_an_error(server: OpenAiServer) -> None:
    server.chunks = [b"<html>busy</html>"]
    tts = OpenAiTextToSpeech(endpoint(server), model="m", voice="v", audio="wav")
    with pytest.raises(ProviderError, match="not a WAV"):
        async for _ in tts.speak("Hi", voice=Voice()):
            pass
    await tts.close()


async def test_a_caller_who_leaves_early_closes_the_stream(server: OpenAiServer) -> None:
    server.chunks = [b"\x01\x00" * 4800]
    server.stall = True
    tts = OpenAiTextToSpeech(endpoint(server), model="m", voice="v")
    stream = tts.speak("Hi", voice=Voice())
    assert len(await anext(stream)) > 0
    await stream.aclose()
    server.stall = False
    assert [chunk async for chunk in tts.speak("Again", voice=Voice())]
    await tts.close()


async def test_what_a_refusal_asks_for_is_told(server: OpenAiServer) -> None:
    server.status, server.reply_headers = 429, {"Retry-After": "1.5"}
    stt = OpenAiSpeechToText(Endpoint(server.base_url), model="m")
    with pytest.raises(ProviderError) as caught:
        await stt.transcribe(np.zeros(1600, np.int16), language="en")
    assert (caught.value.code, caught.value.retry_after_s) == ("429", 1.5)
    await stt.close()


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1", "Wed, tomorrow"])
def test_a_retry_after_that_says_nothing_is_none(text: str) -> None:
    assert retry_after_s({"retry-after": text}) is None


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "tools param requires --jinja flag"),
        (400, "registry.example/gemma:2b does not support tools"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice to be set'),
    ],
)
async def test_a_server_that_knows_no_tools_talks_all_the_same(
    server: OpenAiServer, status: int, message: str
) -> None:
    """It is asked again at once, and offered none any more."""
    tools = [Tool("hang_up", "x", {"type": "object"})]
    server.without_tools = (status, message)
    server.events(delta("Hello.", "stop"), "[DONE]")
    model = OpenAiLanguageModel(endpoint(server), model="m")
    for _ in range(2):
        assert [piece async for piece in model.reply(TALK, tools=tools)] == ["Hello."]
    await model.close()
    assert ["tools" in asked for asked in server.asked] == [True, False, False]


async def test_any_other_refusal_is_one(server: OpenAiServer) -> None:
    server.status, server.message = 400, "the context is too long"
    model = OpenAiLanguageModel(endpoint(server), model="m")
    with pytest.raises(ProviderError, match="too long"):
        await anext(model.reply(TALK, tools=[Tool("hang_up", "x", {})]))
    await model.close()
    assert len(server.asked) == 1


DATE = "Wed, 25 Nov 2026 17:00:00 GMT"


@pytest.mark.parametrize(
    ("asked", "wait_s"),
    [
        ("Wed, 25 Nov 2026 17:00:03 GMT", 3.0),
        ("Wednesday, 25-Nov-26 17:00:03 GMT", 3.0),  # as servers wrote it before 1999
        ("Wed Nov 25 17:00:03 2026", 3.0),  # and before that
        ("Wed, 25 Nov 2026 16:59:00 GMT", 0.0),
        ("Wed, 25 Nov 20260000000000000000 17:00:03 GMT", None),
        ("Wed, 99 Nov 2026 17:00:03 GMT", None),
    ],
)
def test_retry_after_may_be_a_date(asked: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": asked, "date": DATE}) == wait_s


def test_a_date_is_compared_with_our_clock_when_the_server_tells_none() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    wait_s = retry_after_s({"retry-after": later})
    assert wait_s is not None and 50 < wait_s <= 60
