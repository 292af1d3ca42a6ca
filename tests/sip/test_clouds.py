"""Whole calls through the clouds' wire formats: a caller on the wire, a cloud on this machine.

The clouds' ears and voices are real (`real_clouds`), so what the caller hears at the end has gone
through every part: SIP, engine, chains, the SDK, the vendor's format, and back.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.providers.clouds import KEY_ENVS
from tests.providers.real_clouds import RealGroq, RealSarvam
from tests.providers.vendor_server import KEY, delta, serving
from tests.support.bot_process import BotMaker, BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.records import events_of, record_of, turns_of
from tests.support.rtp_wire import is_speech
from tests.support.wire import WireCall, WirePhone

QUESTION = "What time do you open tomorrow?"
ANSWER = ["Tomorrow ", "the doors open at nine, ", "and the red umbrella is ", "still here. "]
HEARD = ["open at nine", "red umbrella"]
PATIENT = {"attempt_s": 7.0}  # the cloud's ear is this machine's, and may be busy
DEAD_AIR_S = 6.0  # limits.dead_air_s as shipped
LATE_S = 0.5  # what a busy machine adds to it


@asynccontextmanager
async def bot_with(
    make_bot: BotMaker, monkeypatch: pytest.MonkeyPatch, name: str, server: Any, ai: dict[str, Any]
) -> AsyncIterator[BotProcess]:
    """A bot that takes `server` for the cloud called `name`; ended before the server is."""
    monkeypatch.setenv(KEY_ENVS[name], KEY)
    await asyncio.to_thread(transcript, spoken(QUESTION))  # no request waits for ear and voice
    async with serving(server):
        # in a thread: the server answers while the bot renders its first phrases
        bot = await asyncio.to_thread(
            make_bot, config={name: {"base_url": server.base_url}, "ai": ai}
        )
        try:
            yield bot
        finally:
            await asyncio.to_thread(bot.stop)


async def asked(bot: BotProcess) -> tuple[WireCall, float]:
    """A call with one question, ended when its answer is told; when the caller's speech ended."""
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(0.8)
        await call.say(spoken(QUESTION))
        speech_end = call.rtp.last_speech_sent()
        assert speech_end is not None
        async with asyncio.timeout(40):
            while not answers(bot, call):
                await asyncio.sleep(0.1)
        await call.hang_up()
    record_of(bot, call.call_id)
    return call, speech_end


def answers(bot: BotProcess, call: WireCall) -> list[dict[str, Any]]:
    """The turns in which the caller was understood and the answer was heard."""
    turns = map(dict, turns_of(bot, call.call_id))
    return [each for each in turns if each["caller_text"] and each["bot_heard"]]


def shown(bot: BotProcess, call: WireCall) -> str:
    record = record_of(bot, call.call_id)
    return subprocess.run(
        [sys.executable, "-m", "bot", "show", record["id"], "-c", bot.folder / "config.toml"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def longest_silence_s(call: WireCall, since: float) -> float:
    """Between `since` and the bot's last word, in seconds."""
    rtp = call.rtp
    heard = [p.at for p in rtp.audio_in if p.at > since and is_speech(p, rtp.codec)]
    return max(later - sooner for sooner, later in pairwise([since, *heard]))


def nothing_leaked(bot: BotProcess) -> None:
    """The key is in no file that the bot wrote, and nobody's words and number in its log."""
    held = [file for file in bot.folder.rglob("*") if file.is_file()]
    assert bot.db in held and bot.output in held
    assert [file for file in held if KEY.encode() in file.read_bytes()] == []
    for private in ("open tomorrow", "umbrella", "4930123456"):
        assert private not in bot.printed()


async def test_a_call_through_groq_from_end_to_end(
    make_bot: BotMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    groq = RealGroq()
    groq.events(*map(delta, ANSWER), delta(None, "stop"), "[DONE]")
    async with bot_with(make_bot, monkeypatch, "groq", groq, {"mode": "live"} | PATIENT) as bot:
        call, speech_end = await asked(bot)
        heard = transcript(call.rtp.heard(since=speech_end))
        assert missing(heard, HEARD) == [], heard
        (turn,) = answers(bot, call)
        assert missing(turn["caller_text"], ["open tomorrow"]) == []
        assert turn["bot_heard"] == "".join(ANSWER).strip()
        assert [turn[kind] for kind in ("stt", "llm", "tts")] == ["groq"] * 3
        assert turns_of(bot, call.call_id)[0]["tts"] == "cache", "the greeting was rendered before"
        assert turn["error"] == "" and events_of(bot, call.call_id, "provider") == []
        assert {path.removeprefix("/openai/v1") for path in groq.paths} == {
            "/audio/transcriptions", "/chat/completions", "/audio/speech",
        }  # fmt: skip
        assert {each["Authorization"] for each in groq.headers} == {f"Bearer {KEY}"}
        talk = next(each["messages"] for each in groq.asked if "messages" in each)
        assert talk[-1] == {"role": "user", "content": turn["caller_text"]}
        nothing_leaked(bot)


async def test_when_groq_has_no_time_the_local_ear_listens(
    make_bot: BotMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    groq = RealGroq(
        status=429, only="transcriptions", reply_headers={"Retry-After": "30"},
        message=f"Rate limit reached for {KEY}",
    )  # fmt: skip
    groq.events(*map(delta, ANSWER), delta(None, "stop"), "[DONE]")
    async with bot_with(make_bot, monkeypatch, "groq", groq, {"mode": "live"}) as bot:
        call, speech_end = await asked(bot)
        heard = transcript(call.rtp.heard(since=speech_end))
        assert missing(heard, HEARD) == [], heard
        assert longest_silence_s(call, speech_end) <= DEAD_AIR_S + LATE_S
        (turn,) = answers(bot, call)
        assert missing(turn["caller_text"], ["open tomorrow"]) == []
        assert [turn[kind] for kind in ("stt", "llm", "tts")] == ["local", "groq", "groq"]
        told = events_of(bot, call.call_id, "provider")
        assert told[0]["after"] == [{"provider": "groq", "code": "429"}]
        assert {(each["what"], each["answered"]) for each in told} == {("stt", "local")}
        told_by_show = await asyncio.to_thread(shown, bot, call)
        assert "stt answered by local after groq 429" in told_by_show
        assert "stt local, llm groq, tts groq" in told_by_show
        nothing_leaked(bot)


async def test_sarvam_listens_in_a_call(
    make_bot: BotMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sarvam = RealSarvam()
    ai = {"stt": ["sarvam", "local"]} | PATIENT
    async with bot_with(make_bot, monkeypatch, "sarvam", sarvam, ai) as bot:
        call, speech_end = await asked(bot)
        heard = transcript(call.rtp.heard(since=speech_end))
        assert missing(heard, ["Monday to Friday", "close at six"]) == [], heard
        turn = answers(bot, call)[0]
        assert (turn["stt"], turn["llm"]) == ("sarvam", "scripted")
        assert turn["caller_text"] == sarvam.text
        assert events_of(bot, call.call_id, "provider") == []
        assert {each["api-subscription-key"] for each in sarvam.headers} == {KEY}
        nothing_leaked(bot)
