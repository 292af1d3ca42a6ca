"""Real calls while the speech worker hangs: the worst kind of failure, nothing refuses or ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.bot_process import BotMaker, BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.records import events_of, record_of, turns_of
from tests.support.wire import WirePhone

QUESTION = "What time do you open tomorrow?"
HURRIED = {"timeout_s": 2.0, "attempt_s": 0.5}
TRIES = 6  # more than the bot needs to give up


@contextmanager
def hung(bot: BotProcess, worker: str) -> Iterator[None]:
    """The worker stands still; its socket still takes connections."""
    pid = bot.worker(worker).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_nobody_understands_and_the_bot_says_so_and_hangs_up(make_bot: BotMaker) -> None:
    bot = make_bot(config={"ai": HURRIED})
    with hung(bot, "speech"):
        async with WirePhone(bot.sip) as phone:
            call = await phone.dial("1000")
            await call.quiet(0.8)
            for _ in range(TRIES):
                if call.ended_by:
                    break
                await call.say(spoken(QUESTION))
                asked = call.rtp.last_speech_sent() or 0.0
                await call.quiet(1.5, after=asked)
            ended_by = await call.ended(10.0)
    heard = transcript(call.rtp.heard())
    assert missing(heard, ["something went wrong", "call again later"]) == [], heard
    assert ended_by == "bot"
    record = record_of(bot, call.call_id)
    assert record["ended"] and record["end_reason"] == "transcription failed"
    told = events_of(bot, call.call_id, "provider")
    stt = [each for each in told if each["what"] == "stt"]
    assert stt and all(each["answered"] == "" for each in stt)
    assert stt[0]["after"] == [{"provider": "local", "code": "timeout"}]


async def test_the_voice_of_last_resort_takes_over_in_mid_call(make_bot: BotMaker) -> None:
    bot = make_bot(config={"ai": HURRIED | {"stt": "mock", "llm": "mock"}})
    with hung(bot, "speech"):
        async with WirePhone(bot.sip) as phone:
            call = await phone.dial("1000")
            await call.quiet(0.8)
            await call.say(spoken(QUESTION))
            begun = await call.reply(after=call.rtp.last_speech_sent() or 0.0)
            await call.quiet(1.0, after=begun)
            await call.hang_up()
    record = record_of(bot, call.call_id)
    turn = next(each for each in turns_of(bot, call.call_id) if each["caller_text"])
    assert turn["tts"] == "espeak" and turn["bot_heard"].startswith("You said:"), dict(turn)
    shown = subprocess.run(
        [sys.executable, "-m", "bot", "show", record["id"], "-c", bot.folder / "config.toml"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    # phrases still being rendered may have met the hung voice first, and opened its circuit
    assert re.search(r"tts answered by espeak after local (?:timeout|circuit open)", shown), shown
