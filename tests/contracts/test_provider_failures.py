"""What every provider behind HTTP does when its server does not do what it should.

The matrix: each of them against each failure. It becomes a ProviderError that tells truly whether
trying again helps, quotes neither the key nor the caller, and leaves no connection and no task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from bot.errors import ProviderError, ProviderTimeout
from bot.providers.base import Message, Voice
from tests.providers.clouds import CLOUDS, KEY_ENVS, cloud, provider
from tests.providers.vendor_server import KEY, VendorServer, delta

SAID = "My number is five five five, please ring me."
NOISE = np.random.default_rng(1).integers(-3000, 3000, 16_000, np.int16)
DEADLINE_S = 20.0  # the servers are silent for longer


@dataclass(frozen=True)
class Failure:
    retryable: bool
    code: str
    server: dict[str, Any] = field(default_factory=dict)
    kind: type[ProviderError] = ProviderError
    retry_after_s: float | None = None


FAILURES = {
    "400": Failure(False, "400", {"status": 400}),
    "401": Failure(False, "401", {"status": 401}),
    "403": Failure(False, "403", {"status": 403}),
    "422": Failure(False, "422", {"status": 422}),
    "redirect": Failure(False, "302", {"status": 302}),
    "429": Failure(
        True, "429", {"status": 429, "reply_headers": {"Retry-After": "2"}}, retry_after_s=2.0
    ),
    "429 until": Failure(
        True,
        "429",
        {
            "status": 429,
            "reply_headers": {
                "Date": "Wed, 25 Nov 2026 17:00:00 GMT",
                "Retry-After": "Wed, 25 Nov 2026 17:00:03 GMT",
            },
        },
        retry_after_s=3.0,
    ),
    "500": Failure(True, "500", {"status": 500}),
    "503": Failure(True, "503", {"status": 503}),
    "slow": Failure(True, "timeout", {"delay_s": 30.0}, ProviderTimeout),
    "stalled": Failure(True, "timeout", {"stall": True}, ProviderTimeout),
    "malformed": Failure(True, "malformed", {"malformed": b'{"half": '}),
    "another shape": Failure(True, "malformed", {"malformed": b"[1, 2]"}),
    "cut before": Failure(True, "failed", {"cut_before": True}),
    "cut in the middle": Failure(True, "failed", {"cut": True}),
}
AS_AUDIO = {"malformed", "another shape"}  # any body is PCM; Groq's WAV is asked about below
MATRIX = [
    (*cloud_, failure) for cloud_ in CLOUDS for failure in FAILURES
    if cloud_[1] != "tts" or failure not in AS_AUDIO
]  # fmt: skip


def begun(server: VendorServer, kind: str) -> None:
    """The first half of a good answer is what is sent before it goes wrong."""
    if kind == "llm":
        server.events(delta("Half a sen"))
    elif kind == "tts":
        server.speaks = True


def fails(server: VendorServer, kind: str, failure: str) -> None:
    """From now on the server fails so; it would quote the key and what was said."""
    if failure == "malformed" and kind == "llm":
        server.chunks = [b"data: {half\n\n"]
    elif failure == "another shape" and kind == "llm":
        server.chunks = [b'data: {"choices": [{}]}\n\n']
    else:
        for key, value in FAILURES[failure].server.items():
            setattr(server, key, value)
    server.message = f"refused for {KEY}" + ("" if kind == "stt" else f": {SAID}")


async def asked(made: Any, kind: str) -> list[Any]:
    """One whole request of `kind`."""
    if kind == "stt":
        return [await made.transcribe(NOISE, language="en")]
    stream: AsyncIterator[Any] = (
        made.speak(SAID, voice=Voice())
        if kind == "tts"
        else made.reply([Message("system", "Be kind."), Message("user", SAID)])
    )
    return [piece async for piece in stream]


async def out_of_patience(server: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loop's clock run past the deadline, once the server has been asked.

    On a busy machine a short deadline could be over before the request was sent.
    """
    while not server.asked:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # what the server sends before it stalls is there
    loop = asyncio.get_running_loop()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + DEADLINE_S)


async def nothing_left(server: VendorServer, before: set[Any]) -> None:
    """No connection, and no task that was not there; the server notices within seconds."""
    for _ in range(300):
        if not server.connections() and asyncio.all_tasks() <= before:
            return
        await asyncio.sleep(0.01)
    assert not server.connections()
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize(("name", "kind", "failure"), MATRIX)
async def test_a_failure_is_told_truly_and_leaves_nothing(
    name: str, kind: str, failure: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    expected = FAILURES[failure]
    async with cloud(monkeypatch, name) as server:
        begun(server, kind)
        fails(server, kind, failure)
        before = asyncio.all_tasks()
        async with provider(name, kind, server, DEADLINE_S) as made:
            asking = asyncio.create_task(asked(made, kind))
            if expected.kind is ProviderTimeout:
                await out_of_patience(server, monkeypatch)
            with pytest.raises(expected.kind) as caught:
                await asking
        await nothing_left(server, before)
        assert len(server.asked) == 1, "it tried again by itself"
    error = caught.value
    assert type(error) is expected.kind
    assert (error.provider, error.retryable, error.code) == (
        name, expected.retryable, expected.code,
    )  # fmt: skip
    assert error.retry_after_s == expected.retry_after_s
    assert (KEY_ENVS[name] in str(error)) is (expected.code in ("401", "403"))
    for private in (KEY, "five five five", "Be kind"):
        assert private not in str(error)
        assert private not in caplog.text


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b"RIFF"])
async def test_groq_speech_that_is_no_wav_is_refused(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, "groq") as server, provider("groq", "tts", server) as tts:
        server.chunks = [body]
        with pytest.raises(ProviderError, match="WAV") as caught:
            await asked(tts, "tts")
        assert not caught.value.retryable


@pytest.mark.parametrize("name", KEY_ENVS)
async def test_nobody_there_is_told_as_unreachable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, name) as server:
        pass  # it is gone again
    async with provider(name, "stt", server) as stt:
        with pytest.raises(ProviderError) as caught:
            await asked(stt, "stt")
    assert (caught.value.retryable, caught.value.code) == (True, "unreachable")


@pytest.mark.parametrize(("name", "kind"), CLOUDS)
async def test_whoever_is_cancelled_closes_the_line_at_once(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, name) as server:
        begun(server, kind)
        server.stall = True
        before = asyncio.all_tasks()
        async with provider(name, kind, server) as made:
            asking = asyncio.create_task(asked(made, kind))
            while not server.asked:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await nothing_left(server, before)


@pytest.mark.parametrize(("name", "kind"), [each for each in CLOUDS if each[1] != "stt"])
async def test_whoever_leaves_a_stream_closes_the_line_at_once(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, name) as server:
        begun(server, kind)
        server.stall = True
        before = asyncio.all_tasks()
        async with provider(name, kind, server) as made:
            stream = (
                made.speak(SAID, voice=Voice())
                if kind == "tts"
                else made.reply([Message("user", SAID)])
            )
            async with aclosing(stream):
                assert len(await anext(stream))
            await nothing_left(server, before)


@pytest.mark.parametrize("name", ["groq", "openai_compat"])
async def test_the_line_may_break_when_the_reply_is_whole(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, name) as server, provider(name, "llm", server) as llm:
        server.events(delta("Whole."), delta(None, "stop"))
        for fault in ("stall", "cut"):
            setattr(server, fault, True)
            began = asyncio.get_running_loop().time()
            assert await asked(llm, "llm") == ["Whole."]
            assert asyncio.get_running_loop().time() - began < 1.0
            setattr(server, fault, False)


@pytest.mark.parametrize(("name", "kind"), CLOUDS)
async def test_a_good_connection_serves_again(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, name) as server, provider(name, kind, server) as made:
        server.speaks, server.hears = True, SAID
        server.events(delta("Yes, "), delta("of course.", "stop"), "[DONE]")
        for _ in range(3):
            assert await asked(made, kind)
        assert len(server.peers) == 1
