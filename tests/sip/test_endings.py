"""Calls that do not end by the caller's hand, and bots that cannot begin."""

import asyncio
import signal
import socket
import subprocess
import time
import wave

import pytest

from tests.support.bot_process import BotMaker
from tests.support.phone import missing, transcript
from tests.support.records import record_of
from tests.support.sip_message import answered
from tests.support.sipp import run_sipp
from tests.support.wire import WireCall, WirePhone


def playable_s(path: str) -> float:
    """Length of a recording that both `wave` and soxi can read, in seconds."""
    told = subprocess.run(["soxi", "-D", path], capture_output=True, text=True, check=True)
    with wave.open(path) as recording:
        seconds: float = recording.getnframes() / recording.getframerate()
    assert float(told.stdout) == pytest.approx(seconds, abs=0.01)
    return seconds


def media_port(call: WireCall) -> int:
    """Where the bot wants the call's RTP."""
    assert call.final_response is not None
    return answered(call.final_response.body)[1]


async def answered_within(phone: WirePhone, seconds: float) -> WireCall:
    """Dial until somebody answers. AssertionError when nobody does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            call = await phone.dial("1000", timeout=2)
        except TimeoutError:
            continue
        if call.status == 200:
            return call
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody answered for {seconds} s")


async def test_killed_worker_leaves_a_closed_record_and_a_successor(make_bot: BotMaker) -> None:
    bot = make_bot()
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(0.6)
        worker = bot.worker("sip")
        worker.send_signal(signal.SIGKILL)
        record = record_of(bot, call.call_id)
        assert record["worker_pid"] == worker.pid
        assert "worker" in record["end_reason"] and "died" in record["end_reason"]
        assert playable_s(record["recording"]) > 1.0

        # the caller of the dead worker does not know and goes on sending to its old port
        after = await answered_within(phone, 15)
        await after.quiet(0.6)
        stray = [packet for packet in call.rtp.received if packet.at > after.invited_at]
        assert not stray, "the new call's audio goes to the old caller"
        assert call.rtp.sent[-1].at > after.answered_at + 1, "and that one was still sending"
        assert media_port(call) != media_port(after)
        assert bot.worker("sip").pid != worker.pid
        assert transcript(after.rtp.heard()), "the successor greets"


async def test_sigterm_says_goodbye_and_ends_within_ten_seconds(make_bot: BotMaker) -> None:
    bot = make_bot()
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(0.6)
        told, began = time.time(), time.monotonic()
        bot.terminate()
        assert await call.ended(10) == "bot"
        code = await asyncio.to_thread(bot.wait, 10)
        took = time.monotonic() - began
    assert code == 0 and took < 10
    heard = transcript(call.rtp.heard(since=told))
    assert missing(heard, ["have to stop here", "call again"]) == [], heard
    record = record_of(bot, call.call_id)
    assert record["end_reason"] == "shutdown"
    assert playable_s(record["recording"]) > 1.0


async def test_call_that_lasts_too_long_is_said_goodbye_to(make_bot: BotMaker) -> None:
    bot = make_bot(config={"limits": {"max_call_s": 10.0}})
    other = asyncio.to_thread(run_sipp, "callee_bye", bot.sip, bot.folder / "sipp", timeout_s=35)
    sipp = asyncio.create_task(other)
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        assert await call.ended(25) == "bot"
    assert 9.5 < call.ended_at - call.answered_at < 22
    heard = transcript(call.rtp.heard(since=call.answered_at + 9))
    assert missing(heard, ["have to stop here", "call again"]) == [], heard
    assert record_of(bot, call.call_id)["end_reason"] == "max length"
    result = await sipp
    assert result.code == 0, result.output


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_port_in_use_is_one_clear_line(make_bot: BotMaker, kind: socket.SocketKind) -> None:
    bot = make_bot(start=False)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(bot.sip)
        if kind == socket.SOCK_STREAM:
            taken.listen()
        bot.start(wait=False)
        assert bot.wait(30) == 2
    lines = [line for line in bot.printed().splitlines() if line.strip()]
    assert len(lines) == 1 and "sip.bind" in lines[0], bot.printed()
