"""A caller of our own talks with the bot; what is claimed in the record is checked on the wire."""

import pytest

from tests.support.bot_process import BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.records import record_of, turns_of
from tests.support.wire import WirePhone, intervals_ms, lost

QUESTION = "What time do you open tomorrow?"
# The wire against the record. The speech detector holds on for up to three frames after the
# last loud packet; jitter buffer and tick add one each.
SPEECH_END_MS = 100.0
FIRST_OUT_MS = 60.0
MARKS = ("speech_end", "turn_end", "stt_done", "llm_first", "tts_first", "first_audio_out")


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_question_is_answered_and_the_ledger_tells_the_truth(
    bot: BotProcess, codec: str
) -> None:
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000", codecs=[codec])
        await call.quiet(0.8)
        greeting = transcript(call.rtp.heard())
        await call.say(spoken(QUESTION))
        speech_end = call.rtp.last_speech_sent()
        assert speech_end is not None
        reply = await call.reply(after=speech_end)
        await call.quiet(0.8, after=reply - 0.001)
        await call.hang_up()
    answer = transcript(call.rtp.heard(since=reply - 0.1))
    assert greeting and missing(answer, ["open", "eight"]) == [], (greeting, answer)

    record = record_of(bot, call.call_id)
    assert record["codec"] == codec and "caller" in record["end_reason"]
    turn = next(each for each in turns_of(bot, call.call_id) if each["caller_text"])
    assert missing(turn["caller_text"], ["open tomorrow"]) == []
    ledger = [turn[f"{mark}_ms"] for mark in MARKS]
    assert None not in ledger and ledger == sorted(ledger), dict(turn)
    end_ms, first_ms = ((at - call.answered_at) * 1000 for at in (speech_end, reply))
    assert turn["speech_end_ms"] == pytest.approx(end_ms, abs=SPEECH_END_MS)
    assert turn["first_audio_out_ms"] == pytest.approx(first_ms, abs=FIRST_OUT_MS)


async def test_the_bot_sends_without_gaps(bot: BotProcess) -> None:
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(1.0)
        await call.hang_up()
    gaps = intervals_ms(call.rtp.audio_in)
    assert lost(call.rtp.audio_in) == 0
    assert gaps["p50"] == pytest.approx(20, abs=1.5) and gaps["p99"] < 40, gaps
