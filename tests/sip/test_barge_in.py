"""Who has the floor when both speak, judged on the wire by a caller of our own."""

from __future__ import annotations

import asyncio
import json
import time

import numpy as np
import pytest

from tests.support.bot_process import BotProcess
from tests.support.g711 import Pcm
from tests.support.phone import PHONE_HZ, missing, plain, spoken, transcript
from tests.support.records import answers_of, record_of, turns_of
from tests.support.rtp_wire import is_speech
from tests.support.wire import WireCall, WirePhone

QUESTION = "What time do you open tomorrow?"
# to the last word; what whisper makes of "we are open" and "we are closed" is as good as drawn
WHOLE_ANSWER = ["Monday to Friday", "close at six", "nine to noon", "on Sunday", "closed"]
INTO_REPLY_S = 2.0
FILLER = "one moment please "  # said before the reply on a busy machine, and no part of it


async def asked(call: WireCall, question: str = QUESTION) -> float:
    """Hear the greeting out and ask; when the reply began."""
    await call.quiet(0.8)
    await call.say(spoken(question))
    return await call.reply(after=call.rtp.last_speech_sent() or 0.0)


async def say_into(call: WireCall, reply: float, pcm: Pcm) -> tuple[float, float]:
    """Speak over the reply; when our first and our last packet with speech left."""
    await asyncio.sleep(max(0.0, reply + INTO_REPLY_S - time.time()))
    began = time.time()
    await call.say(pcm)
    ours = [p.at for p in call.rtp.sent if p.at >= began and is_speech(p, call.rtp.codec)]
    return ours[0], ours[-1]


def speech(call: WireCall, since: float, until: float) -> list[float]:
    """Arrival times of the bot's packets with speech."""
    packets = (p for p in call.rtp.audio_in if since <= p.at < until)
    return [p.at for p in packets if is_speech(p, call.rtp.codec)]


def cough() -> Pcm:
    """A 250 ms burst of noise that dies away."""
    samples = PHONE_HZ // 4
    noise = np.random.default_rng(7).standard_normal(samples) * np.linspace(1, 0.2, samples)
    return np.clip(noise * 6000, -32768, 32767).astype(np.int16)


async def test_an_interruption_silences_the_bot_and_starts_the_next_turn(bot: BotProcess) -> None:
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        reply = await asked(call)
        first, last = await say_into(call, reply, spoken("No, wait, stop please."))
        answer = await call.reply(after=last)
        await call.quiet(0.8, after=answer - 0.001)
        await call.hang_up()
    stopped = speech(call, reply - 0.001, last)[-1]
    print(f"silent {(stopped - first) * 1000:.0f} ms after the interruption began,", end=" ")
    print(f"answered {(answer - last) * 1000:.0f} ms after it ended")
    assert 0 < stopped - first < 1.0
    assert not speech(call, stopped + 0.001, answer), "silence until the answer"

    record_of(bot, call.call_id)
    cut, then = [turn for turn in turns_of(bot, call.call_id) if turn["caller_text"]]
    assert cut["interrupted"] and not then["interrupted"]
    written, heard = cut["reply_text"].split(), cut["bot_heard"].split()
    assert 0 < len(heard) < len(written) and written[: len(heard)] == heard
    on_the_wire = plain(transcript(call.rtp.heard(reply - 0.1, stopped + 0.1)))
    on_the_wire = on_the_wire.removeprefix(FILLER)
    assert abs(len(on_the_wire.split()) - len(heard)) <= 2, (on_the_wire, heard)
    assert missing(then["caller_text"], ["wait", "stop"]) == [], then["caller_text"]
    assert then["bot_heard"], "the words were answered"


# no "Mhm.": Piper spells it out, and "Mm-hmm." is half a second in which Whisper hears words
@pytest.mark.parametrize("sound", ["Okay.", "cough"])
async def test_a_back_channel_or_a_cough_lets_the_bot_finish(bot: BotProcess, sound: str) -> None:
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        reply = await asked(call)
        first, last = await say_into(call, reply, cough() if sound == "cough" else spoken(sound))
        await call.quiet(1.5, after=last + 0.5)
        await call.hang_up()
    at = [first, *speech(call, first, last + 4), last + 4]
    print(f"{sound}: longest silence {max(np.diff(at[:-1])) * 1000:.0f} ms")
    heard = transcript(call.rtp.heard(reply - 0.1))
    assert missing(heard, WHOLE_ANSWER) == [], heard

    record_of(bot, call.call_id)
    (turn,) = [turn for turn in turns_of(bot, call.call_id) if turn["caller_text"]]
    assert not turn["interrupted"] and turn["bot_heard"] == turn["reply_text"]


async def test_an_interviewer_leads(bot: BotProcess) -> None:
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1001")
        await call.quiet(1.5)
        opening = transcript(call.rtp.heard())
        await call.say(spoken("My goal was a faster booking system. My role was the database."))
        asked_at = await call.reply(after=call.rtp.last_speech_sent() or 0.0)
        await call.quiet(1.5, after=asked_at - 0.001)
        await call.hang_up()
    second = transcript(call.rtp.heard(since=asked_at - 0.1))
    assert missing(opening, ["technical interview", "tell me about a project"]) == [], opening
    assert missing(second, ["what is the difference", "process"]) == [], second
    record_of(bot, call.call_id)
    said = [turn["caller_text"] for turn in turns_of(bot, call.call_id) if turn["caller_text"]]
    assert len(said) == 1, said
    first, *others = answers_of(bot, call.call_id)
    assert (first["asked"], first["points"], first["expected"], first["hinted"]) == (1, 2, 4, 0)
    assert json.loads(first["touched"]) == ["the goal", "own role"]
    assert [each["points"] for each in others] == [0] * 5, "and the call broke off"
