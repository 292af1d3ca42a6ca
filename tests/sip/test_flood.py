"""5,000 junk requests a second, and a call that goes on. Runs alone: it measures."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from tests.support.bot_process import BotMaker, BotProcess
from tests.support.wire import WirePhone, intervals_ms

FLOOD = Path(__file__).resolve().parents[1] / "support" / "flood.py"
PER_S = 5000
P99_MS = 40.0
FLOODER = "127.0.0.66"


@pytest.mark.parametrize(
    ("sockets", "seconds"), [(1, 20), (200, 6)], ids=["one-port", "many-ports"]
)
async def test_a_flood_leaves_a_running_call_its_rhythm(
    make_bot: BotMaker, sockets: int, seconds: int
) -> None:
    bot = make_bot(config={"ai": {"mode": "mock"}})
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await asyncio.sleep(1)
        flooding = asyncio.ensure_future(flood(bot, sockets, seconds))
        await asyncio.sleep(2)
        other = await phone.dial("1000")
        assert other.status == 200, "junk holds no line"
        await other.hang_up()
        sent, began, ended = await flooding
        heard = [packet for packet in call.rtp.received if began < packet.at < ended]
        assert sent > 0.9 * seconds * PER_S
        assert len(heard) > 0.99 * seconds * 50
        assert intervals_ms(heard)["p99"] <= P99_MS
        assert await phone.options() == 200, "others are heard"
        assert await call.hang_up() == 200
    assert "flood" in bot.printed() and FLOODER not in bot.printed()


async def flood(bot: BotProcess, sockets: int, seconds: int) -> tuple[int, float, float]:
    """How many were sent, from when until when."""
    began = time.time()
    host, port = bot.sip
    words = (host, port, FLOODER, PER_S, seconds, sockets)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(FLOOD), *map(str, words), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return int(told), began, time.time()
