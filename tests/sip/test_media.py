"""A whole bot on bad lines: who has gone is hung up on, who listens does not hear nothing."""

import asyncio
import time

import numpy as np
import pytest

from tests.support.bot_process import BotMaker
from tests.support.records import record_of
from tests.support.rtp_wire import level_db
from tests.support.wire import WirePhone

NOISE_DB = -62.0  # sip.comfort_noise_db unless it is set


async def test_a_caller_who_has_gone_is_hung_up_on_and_the_record_says_why(
    make_bot: BotMaker,
) -> None:
    bot = make_bot(config={"sip": {"rtp_timeout_s": 2.0}, "ai": {"mode": "mock"}})
    async with WirePhone(bot.sip) as phone:
        gone = await phone.dial("1000")
        there = await phone.dial("1000")
        await gone.quiet(0.6)
        since = time.time()
        gone.rtp.mute()
        assert await gone.ended(12) == "bot"
        assert 1.5 < gone.ended_at - since < 7
        assert record_of(bot, gone.call_id)["end_reason"] == "no audio arrived for 2 s"
        assert there.ended_by is None, "who only listens has not gone"

        await there.quiet(0.6)
        await asyncio.sleep(0.6)
        last = there.rtp.last_speech_heard()
        assert last is not None
        packets = [packet for packet in there.rtp.audio_in if packet.at > last + 0.2]
        levels = [level_db(there.rtp.codec.decode(packet.payload)) for packet in packets]
        assert len(levels) > 30
        assert np.median(levels) == pytest.approx(NOISE_DB, abs=2)
        await there.hang_up()
    assert record_of(bot, there.call_id)["end_reason"] == "caller hung up"
