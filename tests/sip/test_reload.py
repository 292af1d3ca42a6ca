"""SIGHUP: what an admin changed is heard in the next call; what they broke is not."""

import os
import re
import signal
from pathlib import Path

from tests.support.bot_process import BotMaker, BotProcess
from tests.support.phone import missing, transcript
from tests.support.wire import WirePhone


async def greeting(bot: BotProcess, reads: int) -> str:
    """Tell the bot to read its files again; what the next caller hears first."""
    os.kill(bot.pid, signal.SIGHUP)
    bot.until_printed("personas and dialplans read again", times=reads)
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        assert call.status == 200
        await call.quiet(0.8)
        await call.hang_up()
    return transcript(call.rtp.heard())


async def test_a_changed_persona_serves_and_a_broken_one_keeps_its_last_good_form(
    make_bot: BotMaker,
) -> None:
    bot = make_bot()
    file: Path = bot.folder / "personas" / "helpful-assistant.toml"
    new = 'greeting = "Good evening, the bakery is speaking."'
    file.write_text(re.sub(r"(?m)^greeting = .*$", new, file.read_text()))
    assert missing(await greeting(bot, 1), ["good evening", "bakery"]) == []
    file.write_text("greeting = 3")
    assert missing(await greeting(bot, 2), ["good evening", "bakery"]) == []
    assert "file not taken over" in bot.printed()
