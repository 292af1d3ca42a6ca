"""The bot that is judged, and what a case may ask for: callers, and what was written down."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bot.providers.mock import HEARD
from tests.sip.conformance.agent import Agent, Call
from tests.support.bot_process import BotProcess
from tests.support.certificates import certificate
from tests.support.kamailio import tls_front
from tests.support.records import events_of, record_of

SALES = "sip:200@pbx.example.com"
WATCHDOG_S = 4.0
SECURE = "127.0.0.3"  # where a trunk's calls come from that are all encrypted

TALKS = {
    "name": "Desk",
    "description": "says back what it hears",
    "greeting": "Good morning.",
    "system_prompt": "Say back what the caller says.",
    "metadata": {"source_template_id": "desk"},
    "turn": {"silence_ms": 500},
    "idle": {"after_s": 30.0, "reprompts": ["Are you there?"] * 4},  # silent for minutes,
}
"""Whom a case talks to. Providers are fakes: a buzz is heard as words, words are a buzz."""


def acts(tool: str, target: str = SALES, **arguments: str) -> dict[str, Any]:
    """A persona that does one thing, whatever it hears first; `target` is the sales department."""
    answer: dict[str, Any] = {"ask": list(HEARD), "say": "Of course.", "tool": tool}
    answer["arguments"] = arguments
    tools: dict[str, Any] = {"use": [tool]}
    if tool == "transfer":
        tools["targets"] = {"sales": target}
    return TALKS | {"answers": [answer], "tools": tools}


TRANSFERS = ("1101", "1102", "1103", "1104")  # fakes hear another thing each time: one call each
ASKS_FOR_SALES = "1401"  # by the key 0
GOODBYES = ("1201", "1202", "1203", "1204")

ROUTES: list[dict[str, Any]] = [
    {"number": "1000", "persona": "talks"},
    {"number": "1003", "persona": "talks", "ring_s": 3.0},
    {"number": "1004", "persona": "talks", "ring_s": 1.5, "early": "ringback"},
    {"number": "1005", "persona": "talks", "callers": ["4930"]},
    *({"number": number, "persona": f"transfers{number}"} for number in TRANSFERS),
    *({"number": number, "persona": f"leaves{number}"} for number in GOODBYES),
    {"number": ASKS_FOR_SALES, "persona": "hands-over"},
    {"number": "1302", "redirect": "sip:1000@pbx.example.com"},
    {"number": "1603", "reject": 603},
]


def personas(sales: str) -> dict[str, Mapping[str, Any]]:
    return {
        "talks": TALKS,
        **{f"transfers{number}": acts("transfer", sales, to="sales") for number in TRANSFERS},
        "hands-over": TALKS
        | {"tools": {"targets": {"sales": sales}, "handoff": {"to": "sales", "digit": "0"}}},
        **{f"leaves{number}": acts("hang_up") for number in GOODBYES},
    }


def made_bot(folder: Path, *, sales: str = SALES, **more_sip: Any) -> BotProcess:
    """The bot of the suite, not started; `more_sip` are further keys of its [sip]."""
    sip = {
        "rtp_timeout_s": WATCHDOG_S,
        "requests_per_s": 0,  # no limit: the suite is one source
        "srtp": "optional",
        "trunk": [{"name": "secure", "servers": [SECURE], "register": False, "srtp": "mandatory"}],
    }
    return BotProcess(
        folder,
        config={
            "ai": {"mode": "mock", "llm": "scripted"},
            "sip": sip | more_sip,
            "call": {"vad": "webrtc"},
            "limits": {"dead_air_s": 30.0},
        },
        personas=personas(sales),
        dialplan={"routes": ROUTES},
    )


class Desk:
    """One case's view of the bot."""

    def __init__(self, bot: BotProcess) -> None:
        self.bot = bot
        self.agents: list[Agent] = []

    async def agent(self, transport: str = "UDP", **how: Any) -> Agent:
        """See `Agent.open`; at the bot's own address."""
        self.agents.append(await Agent.open(self.bot.sip, transport, **how))
        return self.agents[-1]

    @contextlib.asynccontextmanager
    async def behind_tls(self) -> AsyncIterator[Agent]:
        """A caller over TLS; in front of the bot is Kamailio, set up as docs/trunks.md has it."""
        with tempfile.TemporaryDirectory() as folder:
            pem, key = certificate(Path(folder))
            kamailio, port = tls_front(Path(folder) / "front", self.bot.sip, pem, key)
            await asyncio.to_thread(kamailio.__enter__)
            try:
                known = ssl.create_default_context(cafile=pem)
                agent = await Agent.open(("127.0.0.1", port), "TLS", tls=known)
                yield agent
                await agent.close()
            finally:
                await asyncio.to_thread(kamailio.__exit__, None, None, None)

    async def call(
        self, number: str = "1000", *, caller: str = "4930555", transport: str = "UDP"
    ) -> Call:
        """A caller with a socket of its own, who has not dialled yet."""
        return await (await self.agent(transport)).call(number, caller)

    async def up(self, number: str = "1000", **how: Any) -> Call:
        """A call that is up, the greeting over."""
        call = await self.call(number, **how)
        await call.dial()
        await call.media.speech()
        await call.media.quiet()
        return call

    async def record(self, call: Call) -> sqlite3.Row:
        """The closed record of a call."""
        return await asyncio.to_thread(record_of, self.bot, call.call_id)

    def digits(self, call: Call) -> str:
        events = events_of(self.bot, call.call_id, "digit")
        return "".join(each["digit"] for each in events)

    async def close(self) -> None:
        for agent in self.agents:
            await agent.close()
