"""The speech worker: its HTTP face on a socket, its manners as a process."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from aiohttp import web

from bot.audio import wav
from bot.errors import StartError
from bot.providers.mock import MockSpeechToText, MockTextToSpeech
from bot.providers.whisper_weights import packaged_folder
from bot.workers import speech_api
from bot.workers.speech_api import Engines, SpeechApi
from bot.workers.speech_audio import decode_upload
from bot.workers.speech_worker import claim_socket
from tests.workers.speech_process import SpeechProcess, launch, speech_process

SENTENCE = "What time do you open tomorrow?"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechProcess]:
    with speech_process(tmp_path_factory.mktemp("speech") / "s.sock") as running:
        yield running


@pytest.fixture
async def client(worker: SpeechProcess) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(worker.socket))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://speech", timeout=30
    ) as opened:
        yield opened


@pytest.fixture
async def mocked() -> AsyncIterator[tuple[SpeechApi, httpx.AsyncClient]]:
    """The same routes on instant engines."""
    engines = Engines(
        MockSpeechToText(["hello"]), "ears", frozenset({"en"}), MockTextToSpeech(), "voice"
    )
    api = SpeechApi(engines)
    runner = web.AppRunner(api.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with httpx.AsyncClient(base_url=base) as opened:
        yield api, opened
    await runner.cleanup()


async def spoken(client: httpx.AsyncClient, text: str, **more: object) -> httpx.Response:
    body = {"model": "tts-1", "input": text, "voice": "alloy"} | more
    response = await client.post("/v1/audio/speech", json=body)
    assert response.status_code == 200, response.text
    return response


def upload(data: bytes, **fields: str) -> dict[str, object]:
    return {
        "files": {"file": ("a.wav", data, "audio/wav")},
        "data": {"model": "whisper-1"} | fields,
    }


async def heard(client: httpx.AsyncClient, data: bytes, **fields: str) -> httpx.Response:
    response = await client.post("/v1/audio/transcriptions", **upload(data, **fields))
    assert response.status_code == 200, response.text
    return response


def plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter == " ").strip()


async def test_what_it_says_it_understands(client: httpx.AsyncClient) -> None:
    said = await spoken(client, SENTENCE, response_format="wav")
    channels, rate_hz = wav.decode(said.content)
    assert rate_hz == 24_000 and 1.2 < len(channels[0]) / rate_hz < 3
    assert plain((await heard(client, said.content)).json()["text"]) == plain(SENTENCE)
    assert plain((await heard(client, said.content, response_format="text")).text) == plain(
        SENTENCE
    )
    whole = (
        await heard(client, said.content, response_format="verbose_json", language="en")
    ).json()
    assert whole["language"] == "en" and whole["segments"][0]["text"] == whole["text"]
    assert abs(whole["duration"] - len(channels[0]) / rate_hz) < 0.01


async def test_speed_and_pcm(client: httpx.AsyncClient) -> None:
    slow = await spoken(client, SENTENCE, response_format="pcm", speed=0.7)
    fast = await spoken(client, SENTENCE, response_format="pcm", speed=1.5)
    assert len(slow.content) > 1.4 * len(fast.content)
    pcm = np.frombuffer(fast.content, "<i2")
    assert np.flatnonzero(np.abs(pcm.astype(int)) > 100)[0] < 0.06 * 24_000, (
        "it begins with silence"
    )


async def test_sentences_come_as_they_are_made(client: httpx.AsyncClient) -> None:
    text = "We open at nine. On Saturday we are open from ten to two. Is there anything else?"
    body = {"input": text, "voice": "joe", "response_format": "pcm"}
    async with client.stream("POST", "/v1/audio/speech", json=body) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        pieces = [piece async for piece in response.aiter_raw()]
    assert len(pieces) >= 3


async def test_silence_and_noise_are_heard_as_nothing(client: httpx.AsyncClient) -> None:
    rng = np.random.default_rng(7)
    for amplitude in (0, 30, 300, 1500):
        noise = rng.normal(0, amplitude, 32_000).astype(np.int16)
        assert (await heard(client, wav.encode(noise, 16_000))).json() == {"text": ""}
    assert (await heard(client, wav.encode(noise[:100], 16_000))).json() == {"text": ""}


async def test_audio_longer_than_whispers_window_goes_through(client: httpx.AsyncClient) -> None:
    story = (
        "The clinic opens at nine. My brother has a yellow bicycle. It rains in the mountains. "
        "The train to the city was late again. Please bring your insurance card on Monday. "
        "The doctor speaks three languages. There is a large garden behind the house. "
        "Nobody answered the telephone yesterday. The museum is closed in winter. "
        "She bought apples and bread at the market. We need a new computer for the office. "
        "The children play football after school. Thank you for your patience."
    )
    said = await spoken(client, story, response_format="wav")
    channels, rate_hz = wav.decode(said.content)
    twice = np.concatenate([channels[0], np.zeros(rate_hz, np.int16), channels[0]])
    assert len(twice) > 40 * rate_hz
    text = (await heard(client, wav.encode(twice, rate_hz))).json()["text"].lower()
    words = ("bicycle", "insurance", "telephone", "museum", "computer", "football", "patience")
    assert sum(text.count(word) for word in words) >= 2 * len(words) - 2, text


async def test_an_urgent_check_overtakes_turns_that_wait(client: httpx.AsyncClient) -> None:
    said = wav.encode(np.random.default_rng(1).integers(-3000, 3000, 16_000 * 8, np.int16), 16_000)
    order: list[str] = []

    async def ask(name: str, headers: dict[str, str]) -> None:
        await client.post("/v1/audio/transcriptions", headers=headers, **upload(said))
        order.append(name)

    turns = [asyncio.create_task(ask(f"turn {number}", {})) for number in range(24)]
    await asyncio.sleep(0.05)  # they are in the queue before the check comes
    await asyncio.gather(ask("check", {"X-Priority": "urgent"}), *turns)
    # Those under way are not stopped, and some end while the check is on its way and is read:
    # how many depends on the machine. Without its priority it would be the last or nearly so.
    assert order.index("check") < len(turns) / 2, order


async def test_models_and_health(client: httpx.AsyncClient) -> None:
    models = (await client.get("/v1/models")).json()
    assert [each["id"] for each in models["data"]] == ["tiny.en", "en_US-joe-medium"]
    assert (await client.get("/healthz")).json()["status"] == "ok"


BAD_SPEECH = [
    (b"{", None),
    (b"[]", None),
    (b"{}", "input"),
    (b'{"input": "  "}', "input"),
    (b'{"input": "' + b"a" * 4097 + b'"}', "input"),
    (b'{"input": "a", "speed": 9}', "speed"),
    (b'{"input": "a", "speed": "fast"}', "speed"),
    (b'{"input": "a", "response_format": "mp3"}', "response_format"),
    (b'{"input": "a", "voice": 5}', "voice"),
]


@pytest.mark.parametrize(("body", "param"), BAD_SPEECH)
async def test_bad_speech_requests_name_the_field(mocked, body: bytes, param: str | None) -> None:
    response = await mocked[1].post("/v1/audio/speech", content=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert error["message"] and "code" in error


async def test_bad_uploads_name_the_field(mocked) -> None:
    post = mocked[1].post
    good = wav.encode(np.ones(1600, np.int16), 16_000)
    tries = [
        ({"data": {"model": "x"}}, "file"),
        ({"files": {"other": b"x"}}, "file"),
        (upload(b"no audio at all"), "file"),
        (upload(b""), "file"),
        (upload(good, response_format="srt"), "response_format"),
        (upload(good, language="xx"), "language"),
    ]
    for request, param in tries:
        response = await post("/v1/audio/transcriptions", **request)
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    broken = await post(
        "/v1/audio/transcriptions",
        content=b"--x\r\nnonsense",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert broken.status_code == 400
    assert (await post("/v1/audio/transcriptions", **upload(good))).json() == {"text": "hello"}


async def test_too_much_is_413(mocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_api, "MAX_UPLOAD_BYTES", 1000)
    response = await mocked[1].post("/v1/audio/transcriptions", **upload(bytes(5000)))
    assert response.status_code == 413
    assert response.json()["error"]["param"] == "file"


async def test_model_coqui_is_another_voice_or_none(mocked) -> None:
    api, client = mocked
    refused = await client.post("/v1/audio/speech", json={"input": "a", "model": "coqui"})
    assert refused.status_code == 404 and refused.json()["error"]["param"] == "model"
    assert "name coqui in ai.tts" in refused.json()["error"]["message"]
    unknown = await client.post("/v1/audio/speech", json={"input": "a", "model": 5})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "model")

    class Coqui(MockTextToSpeech):
        async def speak(self, text, *, voice):
            yield np.full(4800, 77, np.int16)

    api.engines = replace(api.engines, coqui=Coqui(), coqui_model="vits p225")
    body = {"input": "a", "model": "coqui", "response_format": "pcm"}
    said = await client.post("/v1/audio/speech", json=body)
    assert np.median(np.frombuffer(said.content, "<i2")) == 77
    usual = await client.post("/v1/audio/speech", json=body | {"model": "tts-1"})
    assert np.median(np.frombuffer(usual.content, "<i2")) != 77
    assert (await client.get("/healthz")).json()["coqui"] == "vits p225"
    assert [each["id"] for each in (await client.get("/v1/models")).json()["data"]] == [
        "ears", "voice", "coqui"
    ]  # fmt: skip


async def test_other_paths_and_methods_answer_in_the_same_shape(mocked) -> None:
    assert (await mocked[1].get("/v1/nothing")).json()["error"]["type"] == "invalid_request_error"
    assert (await mocked[1].get("/v1/audio/speech")).status_code == 405


async def test_503_while_loading(mocked) -> None:
    api, client = mocked
    api.engines = None
    for response in (
        await client.get("/healthz"),
        await client.post("/v1/audio/speech", json={"input": "a"}),
        await client.post("/v1/audio/transcriptions", **upload(b"x")),
    ):
        assert response.status_code == 503
        assert (
            response.headers["Retry-After"] and response.json()["error"]["type"] == "server_error"
        )


async def test_a_failing_engine_is_a_status_not_a_cut(mocked) -> None:
    api, client = mocked

    class Broken(MockTextToSpeech):
        async def speak(self, text, *, voice):
            raise speech_api.ProviderError("piper_local", "is unwell", retryable=False)
            yield

    api.engines = replace(api.engines, tts=Broken())
    response = await client.post("/v1/audio/speech", json={"input": "a"})
    assert response.status_code == 500 and response.json()["error"]["message"] == "is unwell"


def test_other_formats_are_decoded() -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16)
    packed = io.BytesIO()
    with av.open(packed, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler("s16", "mono", 48_000, frame_size=4096)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    for data in (packed.getvalue(), wav.header(48_000, 2, 192_000) + np.repeat(tone, 2).tobytes()):
        pcm = decode_upload(data, 16_000)
        assert abs(len(pcm) - 16_000) < 200
        assert abs(np.count_nonzero(np.diff(np.signbit(pcm[1000:15_000]))) - 770) < 4
    with pytest.raises(ValueError, match="not an audio file"):
        decode_upload(b"RIFFnonsense", 16_000)


def test_it_ends_cleanly_and_makes_way_for_itself(tmp_path: Path) -> None:
    at = tmp_path / "deep" / "s.sock"
    at.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:  # what a killed worker leaves behind
        dead.bind(str(at))
    with speech_process(at, voice="espeak") as running:
        assert at.stat().st_mode & 0o777 == 0o600
        assert os.getpriority(os.PRIO_PROCESS, running.process.pid) >= 10
        second, ready = launch(at, voice="espeak")
        assert not ready and second.process.wait(10) == 2
        assert "another speech worker" in second.process.communicate()[1]
        assert running.stop() == 0
        assert not at.exists()


async def test_on_a_port_with_the_last_resort_voice(tmp_path: Path) -> None:
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        port = finder.getsockname()[1]
    missing = str(tmp_path / "no.onnx")
    with speech_process(tmp_path / "s.sock", voice=missing, bind=f"127.0.0.1:{port}"):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            assert (await client.get("/healthz")).json()["tts"] == "espeak-ng"
            assert len((await spoken(client, SENTENCE, response_format="pcm")).content) > 48_000


async def test_whisper_by_hub_name_comes_from_what_the_hub_stored_here(tmp_path: Path) -> None:
    name, commit = "Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba"
    repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    packaged = packaged_folder()
    assert packaged is not None
    shutil.copytree(packaged, repository / "snapshots" / commit)
    at, environ = tmp_path / "s.sock", {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    with speech_process(at, whisper=name, voice="espeak", environ=environ):
        transport = httpx.AsyncHTTPTransport(uds=str(at))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://speech", timeout=30
        ) as client:
            assert (await client.get("/healthz")).json()["stt"] == name
            said = await spoken(client, SENTENCE, response_format="wav")
            assert "open" in (await heard(client, said.content)).json()["text"].lower()


def test_missing_weights_end_it_with_one_clear_line(tmp_path: Path) -> None:
    faults = {
        str(tmp_path): "no model.bin",
        str(tmp_path / "gone"): "no such folder",
        "nobody/nothing": "'nobody/nothing' are neither installed nor reachable",
    }
    for whisper, what in faults.items():
        failed, ready = launch(
            tmp_path / "s.sock", whisper=whisper, environ={"HF_HUB_OFFLINE": "1"}
        )
        printed = failed.process.communicate(timeout=30)[1]
        assert not ready and failed.process.returncode == 2
        assert what in printed and "Traceback" not in printed


def test_a_socket_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"speech\.socket"):
        claim_socket(tmp_path / "file" / "s.sock")
