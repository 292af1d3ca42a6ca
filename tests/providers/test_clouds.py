"""Groq and Sarvam on the wire: what is asked for, and what is made of the answers."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio import wav
from bot.clouds import Groq
from bot.config import Config
from bot.errors import ConfigError, ProviderError
from bot.providers.base import Message, Voice
from bot.providers.groq import GroqTextToSpeech
from bot.providers.groq_client import GroqClient
from bot.providers.sarvam import language_code
from bot.providers.text_parts import parts
from tests.providers.clouds import cloud, provider
from tests.providers.vendor_server import KEY, delta

SECOND = np.random.default_rng(2).integers(-3000, 3000, 16_000, np.int16)


async def test_groq_is_sent_a_wav_and_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloud(monkeypatch, "groq") as server, provider("groq", "stt", server) as stt:
        server.text = "  hello \n"
        heard = await stt.transcribe(SECOND, language="de-AT", expect="Halt. Moment.")
        await stt.transcribe(SECOND, language="de")
    assert (heard.text, heard.language) == ("hello", "de-AT")
    asked = server.asked[0]
    channels, rate_hz = wav.decode(asked.pop("file"))
    assert rate_hz == stt.rate
    np.testing.assert_array_equal(channels[0], SECOND)
    assert asked == {
        "model": "whisper-large-v3-turbo", "language": "de", "prompt": "Halt. Moment.",
        "response_format": "verbose_json", "temperature": "0", "filename": "utterance.wav",
    }  # fmt: skip
    assert "prompt" not in server.asked[1]


async def test_what_groq_dreams_up_in_noise_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloud(monkeypatch, "groq") as server, provider("groq", "stt", server) as stt:
        server.text, server.no_speech_prob = " Thank you.", 0.9
        assert (await stt.transcribe(SECOND, language="en")).text == ""
        server.no_speech_prob = 0.2
        assert (await stt.transcribe(SECOND, language="en")).text == "Thank you."


async def test_groq_is_asked_for_little_reasoning_and_a_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with cloud(monkeypatch, "groq") as server, provider("groq", "llm", server) as llm:
        server.events(delta("Hello\u2028you."), delta(None, "stop"), "[DONE]")
        talk = [Message("system", "Be kind."), Message("user", "Hi")]
        assert [piece async for piece in llm.reply(talk)] == ["Hello\u2028you."]
    assert server.asked == [
        {
            "model": "openai/gpt-oss-20b", "stream": True, "reasoning_effort": "low",
            "messages": [
                {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"},
            ],
        }
    ]  # fmt: skip


async def test_groq_speaks_long_texts_in_parts_and_with_its_own_voices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "This is a sentence of some length. " * 12
    async with cloud(monkeypatch, "groq") as server, provider("groq", "tts", server) as tts:
        server.speaks = True
        for voice in (Voice(preset_id="troy"), Voice(preset_id="p225", speed=1.2)):
            assert [chunk async for chunk in tts.speak(long, voice=voice)]
    assert [each["voice"] for each in server.asked] == ["troy"] * 3 + ["hannah"] * 3
    assert "speed" not in server.asked[0]
    assert server.asked[3]["speed"] == 1.2
    assert " ".join(each["input"] for each in server.asked[:3]) == long.strip()


async def test_groq_is_told_a_style_in_brackets_before_each_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "This is a sentence of some length. " * 12
    async with cloud(monkeypatch, "groq") as server, provider("groq", "tts", server) as tts:
        server.speaks = True
        for style in ("cheerful", "[dark whisper] ", "x" * 500, "[]"):
            assert [chunk async for chunk in tts.speak(long, voice=Voice(style=style))]
    said = [each["input"] for each in server.asked]
    assert len(said) == 4 * 3 and all(len(each) <= 200 for each in said)
    assert " ".join(each.removeprefix("[cheerful] ") for each in said[:3]) == long.strip()
    assert all(each.startswith("[cheerful] This is") for each in said[:3])
    assert all(each.startswith("[dark whisper] This") for each in said[3:6])
    assert all(each.startswith("This") for each in said[-3:])


def test_only_groqs_english_orpheus_takes_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    for model, does in (
        ("canopylabs/orpheus-v1-english", {"speed", "style"}),
        ("canopylabs/orpheus-arabic-saudi", {"speed"}),
        ("playai-tts", {"speed"}),
    ):
        assert GroqTextToSpeech(Config(groq=Groq(tts_model=model))).does == does


@pytest.mark.parametrize("length", [3, 10, 40])
def test_parts_are_short_enough_and_lose_no_word(length: int) -> None:
    text = "One, two; three. Four five six seven eight! Abcdefghijklmnop? Nine"
    cut = list(parts(text, length))
    assert all(0 < len(part) <= length for part in cut)
    assert "".join(cut).replace(" ", "") == text.replace(" ", "")


def test_parts_end_where_a_voice_may_pause() -> None:
    assert list(parts("One two. Three, four five.", 16)) == ["One two.", "Three,", "four five."]
    assert list(parts("", 5)) == []


@pytest.mark.parametrize("tail", ["", "/", "/openai/v1", "/openai/v1/"])
def test_the_sdks_path_is_not_doubled(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    client = GroqClient(Groq(base_url=f"https://groq.example{tail}"), 8.0)
    assert client.url == "https://groq.example"
    assert client.sdk.max_retries == 0
    assert client.sdk.timeout.read == 8.0


async def test_sarvam_is_sent_what_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloud(monkeypatch, "sarvam") as server, provider("sarvam", "stt", server) as stt:
        heard = await stt.transcribe(SECOND, language="hi")
    assert (heard.text, heard.language) == ("hello there", "hi")
    asked = server.asked[0]
    assert wav.decode(asked.pop("file"))[1] == stt.rate
    assert asked == {
        "model": "saaras:v4", "mode": "transcribe", "language_code": "hi-IN",
        "with_timestamps": "false", "filename": "utterance.wav",
    }  # fmt: skip
    assert server.headers[0]["api-subscription-key"] == KEY
    assert "Authorization" not in server.headers[0]


async def test_long_audio_goes_to_sarvam_in_pieces_cut_at_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pcm = np.tile(SECOND, 65)
    pcm[24 * 16_000 : 25 * 16_000] = 0
    async with cloud(monkeypatch, "sarvam") as server, provider("sarvam", "stt", server) as stt:
        heard = await stt.transcribe(pcm, language="en")
    sent = [wav.decode(each["file"])[0][0] for each in server.asked]
    assert heard.text == " ".join(["hello there"] * len(sent))
    np.testing.assert_array_equal(np.concatenate(sent), pcm)
    assert 24 <= len(sent[0]) / 16_000 <= 25
    assert max(map(len, sent)) <= 30 * 16_000


@pytest.mark.parametrize(
    ("language", "code"), [("en", "en-IN"), ("en-US", "en-IN"), ("", "en-IN"), ("or", "od-IN")]
)
def test_sarvams_language_codes(language: str, code: str) -> None:
    assert language_code(language) == code


def test_a_language_sarvam_does_not_know_is_refused() -> None:
    with pytest.raises(ProviderError, match="'fr'") as caught:
        language_code("fr")
    assert not caught.value.retryable


def test_without_a_key_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="GROQ_API_KEY"):
        GroqClient(Config().groq, 8.0)
