"""Scanners and floods: nobody learns what is here, and a running call does not notice them."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.bot_process import BotMaker, BotProcess
from tests.support.ports import free_port
from tests.support.wire import WirePhone, intervals_ms

FLOOD = Path(__file__).resolve().parents[1] / "support" / "flood.py"
MOCK = {"ai": {"mode": "mock"}}
PER_S = 5000
P99_MS = 40.0
FLOODER = "127.0.0.66"


def scan(program: str, *arguments: str) -> str:
    """What a program of sipvicious prints."""
    done = subprocess.run(
        [program, "-P", str(free_port()), *arguments], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


async def scans(bot: BotProcess, *commands: list[str]) -> list[str]:
    """What sipvicious prints, its programs side by side."""
    host, port = bot.sip
    here = ["-x", host, "-b", host, "-p", str(port)]
    return await asyncio.gather(
        *(asyncio.to_thread(scan, name, *here, *rest, host) for name, *rest in commands)
    )


async def test_a_scanner_that_is_not_allowed_finds_neither_bot_nor_extension(make_bot) -> None:
    bot = make_bot(config={**MOCK, "sip": {"allow": ["127.0.0.2/32"]}}, start=False)
    bot.start(wait=False)
    bot.until_printed("ready after", timeout=60)
    numbers = ["-e", "998-1002", "--force", "--maximumtime=2"]
    wars = [["svwar", "-m", method, *numbers] for method in ("REGISTER", "INVITE", "OPTIONS")]
    for found in await scans(bot, ["svmap"], ["svmap", "-m", "INVITE"], *wars):
        assert "found nothing" in found and "|" not in found, found


async def test_one_that_is_allowed_finds_the_bot_but_nothing_to_register_with(make_bot) -> None:
    """So the scanner is heard by the test above too."""
    bot = make_bot(config=MOCK)
    numbers = ["-e", "998-1002", "--force", "--maximumtime=2"]
    devices, extensions = await scans(bot, ["svmap"], ["svwar", "-m", "REGISTER", *numbers])
    assert f"{bot.sip[0]}:{bot.sip[1]}" in devices
    assert "found nothing" in extensions and "|" not in extensions


@pytest.mark.parametrize(
    ("sockets", "seconds"), [(1, 20), (200, 6)], ids=["one-port", "many-ports"]
)
async def test_a_flood_leaves_a_running_call_its_rhythm(
    make_bot: BotMaker, sockets: int, seconds: int
) -> None:
    bot = make_bot(config=MOCK)
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await asyncio.sleep(1)
        sent, began, ended = await flood(bot, sockets, seconds)
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
