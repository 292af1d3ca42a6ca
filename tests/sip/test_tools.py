"""Tools over real SIP: the caller is put through, rung off, written down, looked up."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.support.bot_process import FAST_TURN, BotMaker, BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.ports import free_port
from tests.support.records import events_of, record_of
from tests.support.sip_wire import WireCall
from tests.support.wire import WirePhone

SALES = "sip:200@pbx.example.com"
TOOLS = {"use": ["transfer", "hang_up", "take_message"], "targets": {"sales": SALES}}
ANSWERS = [
    {"ask": ["Please put me through to the sales department."], "say": "I put you through.",
     "tool": "transfer", "arguments": {"to": "sales"}},
    {"ask": ["I would like to leave a message."], "say": "Please tell me your message.",
     "tool": "take_message"},
    {"ask": ["Please end this call now."], "say": "As you like. Goodbye.", "tool": "hang_up"},
    {"ask": ["Where is my parcel?"], "say": "Let me look that up.", "tool": "parcel",
     "arguments": {"number": "1234"}},
]  # fmt: skip
SHOP = f"127.0.0.1:{free_port()}"
HOOK = {
    "name": "parcel", "about": "Finds a parcel.", "say": "Your parcel is in {place}.",
    "url": f"http://{SHOP}/parcels/{{number}}", "context": ["called"],
    "arguments": {
        "type": "object", "required": ["number"], "properties": {"number": {"type": "string"}},
    },
}  # fmt: skip
PERSONA = FAST_TURN | {"answers": ANSWERS}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """A bot whose reception has tools, and may ask the shop."""
    made = BotMaker(tmp_path_factory.mktemp("desk"))
    try:
        yield made(
            persona=PERSONA | {"tools": TOOLS | {"webhooks": [HOOK]}},
            config={"webhooks": {"allow": [SHOP]}},
        )
    finally:
        made.stop_all()


@pytest.fixture
async def shop() -> AsyncIterator[list[Any]]:
    """A server that knows where a parcel is, after a second; what it was asked."""
    asked: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.path, dict(request.query), request.headers["X-Call-Id"]))
        await asyncio.sleep(1.0)
        return web.json_response({"place": "the blue garage"})

    app = web.Application()
    app.router.add_get("/parcels/{number}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, *SHOP.split(":")).start()
    yield asked
    await runner.cleanup()


async def say(call: WireCall, words: str) -> float:
    """When the last of it was sent."""
    await call.say(spoken(words))
    at = call.rtp.last_speech_sent()
    assert at is not None
    return at


async def answered(call: WireCall, words: str) -> str:
    """What the bot says to it."""
    at = await say(call, words)
    await call.quiet(0.8, after=at)
    return transcript(call.rtp.heard(since=at))


async def test_a_caller_is_put_through_and_taken_back_when_nobody_answers(
    desk: BotProcess,
) -> None:
    bot = desk
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(0.8)
        await say(call, ANSWERS[0]["ask"][0])
        assert await asyncio.wait_for(call.referred.get(), 10) == SALES
        last_word = call.rtp.last_speech_heard(0.0) or 0.0
        assert await call.transferred(480, "Temporarily Unavailable") == 200
        await call.quiet(0.8, after=last_word + 0.1)
        back = transcript(call.rtp.heard(since=last_word + 0.1))
        assert missing(back, ["nobody answers there"]) == [], back

        await say(call, ANSWERS[0]["ask"][0])
        assert await asyncio.wait_for(call.referred.get(), 10) == SALES
        assert await call.transferred(200, "OK") == 200
        assert await call.ended(5.0) == "bot"
    assert record_of(bot, call.call_id)["end_reason"] == "transferred to sales"
    outcomes = [each["outcome"] for each in events_of(bot, call.call_id, "transfer")]
    assert outcomes == ["transfer: 480 Temporarily Unavailable", "taken"]


async def test_a_message_is_taken_down_and_listed(desk: BotProcess) -> None:
    bot = desk
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000", caller="4930123456")
        await call.quiet(0.8)
        asked = await answered(call, ANSWERS[1]["ask"][0])
        noted = await answered(call, "Please tell Doctor Smith that I am coming tomorrow.")
        goodbye_at = await say(call, ANSWERS[2]["ask"][0])
        assert await call.ended(10.0) == "bot"
    assert missing(asked, ["your message"]) == [], asked
    assert missing(noted, ["written that down"]) == [], noted
    assert missing(transcript(call.rtp.heard(since=goodbye_at)), ["as you like"]) == []
    record = record_of(bot, call.call_id)
    assert record["end_reason"] == "the bot hung up"
    (message,) = json.loads(command(bot, "messages", "--json"))
    assert missing(message["text"], ["coming tomorrow"]) == []
    assert (message["number"], message["call_id"]) == ("4930123456", record["id"])
    shown = command(bot, "show", "last")
    assert "take_message worked" in shown and "coming tomorrow" in command(bot, "messages")
    assert "coming tomorrow" not in bot.printed(), "a caller's words are in a log"


async def test_a_webhook_is_asked_while_the_bot_talks_and_its_answer_is_spoken(
    desk: BotProcess, shop: list[Any]
) -> None:
    bot = desk
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(0.8)
        at = await say(call, ANSWERS[3]["ask"][0])
        begun = await call.reply(after=at)
        while not shop:
            await asyncio.sleep(0.02)
        await call.quiet(1.5, after=begun)
        await call.hang_up()
    heard = transcript(call.rtp.heard(since=at))
    assert missing(heard, ["look that up", "blue garage"]) == [], heard
    record = record_of(bot, call.call_id)
    assert shop == [("/parcels/1234", {"called": "1000"}, record["id"])]
    (used,) = events_of(bot, call.call_id, "tool")
    assert used["name"] == "parcel" and used["why"] == "" and used["took_ms"] >= 1000


def command(bot: BotProcess, *words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words, "-c", bot.folder / "config.toml"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
