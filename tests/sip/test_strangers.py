"""Scanners: nobody whose address is not allowed learns what is here."""

import asyncio
import subprocess

from tests.support.bot_process import BotProcess
from tests.support.ports import free_port

MOCK = {"ai": {"mode": "mock"}}


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
