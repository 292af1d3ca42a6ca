"""Hold in its three forms, by the whole bot: nothing is said, transcribed or timed meanwhile."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.support.bot_process import FAST_TURN, BotMaker, BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.records import events_of, record_of, turns_of
from tests.support.sip_dialog import reinvite, sdp
from tests.support.wire import Pcm, WireCall, WirePhone

FORMS = {
    "sendonly": {"direction": "sendonly"},
    "inactive": {"direction": "inactive"},
    "no address": {"direction": "", "host": "0.0.0.0"},
}
QUESTION = "Where can I park my car?"
PERSONA = FAST_TURN | {
    "greeting": "Good morning, you have reached the reception of the old town museum.",
    "idle": {"after_s": 3.0},
    "answers": [{"ask": [QUESTION], "say": "Behind the yellow bakery."}],
}
HOLD_S, TAIL_S = 4.5, 0.3


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    made = BotMaker(tmp_path_factory.mktemp("museum"))
    try:
        yield made(persona=PERSONA)
    finally:
        made.stop_all()


async def held(call: WireCall, form: dict[str, str]) -> tuple[float, float]:
    """Put the bot on hold, play it speech in place of music, come back; from when to when."""
    assert (await reinvite(call, sdp(call, **form))).status == 200
    since = time.time() + TAIL_S  # what is on the wire already
    call.rtp.say(spoken(QUESTION))
    await asyncio.sleep(HOLD_S)
    until = time.time()
    call.rtp.stop_talking()
    assert (await reinvite(call, sdp(call))).status == 200
    return since, until


async def waiting(phone: WirePhone, form: dict[str, str]) -> tuple[WireCall, Pcm, Pcm]:
    """Held while the bot waits for words: longer than its patience, and with words to overhear.

    What it says when it is back, and its answer; read when no call waits for that.
    """
    call = await phone.dial("1000")
    await call.quiet(0.8)
    since, until = await held(call, form)
    assert len(call.rtp.heard(since, until)) == 0, "the bot speaks to who holds it"
    await call.quiet(0.8, after=until)
    back = call.rtp.heard(since=until)
    await call.say(spoken(QUESTION))
    asked = call.rtp.last_speech_sent()
    assert asked is not None
    await call.quiet(0.8, after=asked)
    answer = call.rtp.heard(since=asked)
    await call.hang_up()
    return call, back, answer


async def test_a_bot_on_hold_hears_nothing_and_counts_no_silence(museum: BotProcess) -> None:
    async with asyncio.timeout(90), WirePhone(museum.sip) as phone:
        calls = await asyncio.gather(*(waiting(phone, form) for form in FORMS.values()))
    for name, (call, back, answer) in zip(FORMS, calls, strict=True):
        assert missing(transcript(back), ["welcome back"]) == [], name
        assert missing(transcript(answer), ["yellow bakery"]) == [], name
        record_of(museum, call.call_id)
        words = [row["caller_text"] for row in turns_of(museum, call.call_id) if row["caller_text"]]
        assert len(words) == 1, f"{name}: {words}"
        said = " ".join(row["bot_heard"] or "" for row in turns_of(museum, call.call_id))
        assert "still there" not in said, f"{name}: a reprompt for time spent on hold"
        assert len(events_of(museum, call.call_id, "hold")) == 1
        assert len(events_of(museum, call.call_id, "unhold")) == 1


async def test_a_sentence_cut_by_a_hold_goes_on_where_it_stopped(museum: BotProcess) -> None:
    async with asyncio.timeout(60), WirePhone(museum.sip) as phone:
        call = await phone.dial("1000")
        began = await call.reply(0.0)
        await asyncio.sleep(0.8)
        since, until = await held(call, FORMS["sendonly"])
        assert len(call.rtp.heard(since, until)) == 0
        await call.quiet(0.8, after=until)
        before = transcript(call.rtp.heard(began, since))
        after = transcript(call.rtp.heard(since=until))
        await call.hang_up()
    assert missing(before, ["good morning"]) == [], before
    assert missing(before, ["old town museum"]), before
    assert missing(after, ["old town museum"]) == [], after
