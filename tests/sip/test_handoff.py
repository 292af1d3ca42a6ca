"""Callers who ask for a person by key or by words, and exchanges that treat REFER badly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.bot_process import FAST_TURN, BotMaker, BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.records import events_of, record_of
from tests.support.sip_wire import WireCall
from tests.support.wire import WirePhone

DESK = "sip:200@pbx.example.com"
PERSONA = FAST_TURN | {
    "greeting": "Hello, this is the garage.",
    "phrases": {"no_transfer": "The office is closed now. What else can I do for you?"},
    "tools": {
        "targets": {"desk": DESK},
        "handoff": {"to": "desk", "digit": "0", "phrases": ["operator"]},
    },
}


@pytest.fixture(scope="module")
def garage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    made = BotMaker(tmp_path_factory.mktemp("garage"))
    try:
        yield made(persona=PERSONA)
    finally:
        made.stop_all()


async def asked(
    phone: WirePhone, *, by_words: bool = False, refer: tuple[int, ...] = ()
) -> WireCall:
    """A caller who has asked for a person; `refer`: what their exchange says to the REFER."""
    call = await phone.dial("1000")
    call.scripted["REFER"] = list(refer)
    await call.quiet(0.8)
    if by_words:
        await call.say(spoken("Please connect me with an operator."))
    else:
        call.rtp.press("0")
    async with asyncio.timeout(30):
        while "REFER" not in call.requested:
            await asyncio.sleep(0.05)
    return call


async def a_refer_that_got_lost_is_sent_again(phone: WirePhone) -> WireCall:
    call = await asked(phone, refer=(0, 0))
    assert await asyncio.wait_for(call.referred.get(), 5) == DESK
    assert call.requested.count("REFER") == 3
    assert await call.transferred(200, "OK") == 200
    assert await call.ended(5.0) == "bot"
    return call


async def a_caller_who_hangs_up_after_202_was_taken(phone: WirePhone) -> WireCall:
    call = await asked(phone)
    assert await call.hang_up() == 200
    return call


async def a_refusal_gives_the_caller_back(phone: WirePhone) -> WireCall:
    call = await asked(phone, by_words=True, refer=(603,))
    at = call.rtp.sent[-1].at
    await call.quiet(0.8, after=at)
    heard = transcript(call.rtp.heard(since=at))
    assert missing(heard, ["office is closed"]) == [], heard
    await call.hang_up()
    return call


async def no_news_at_all_give_the_caller_back(phone: WirePhone) -> WireCall:
    call = await asked(phone)
    at = call.rtp.sent[-1].at
    heard = ""
    while missing(heard, ["office is closed"]):
        assert call.rtp.sent[-1].at - at < 40 and call.ended_by is None, heard
        await asyncio.sleep(1.0)
        last = call.rtp.last_speech_heard(at) or at
        heard = transcript(call.rtp.heard(since=last - 6.0)) if last - at > 18 else ""
    await call.hang_up()
    return call


async def test_each_exchange_in_its_way_and_the_record_tells_who_took_the_caller(
    garage: BotProcess,
) -> None:
    async with WirePhone(garage.sip) as phone:
        lost, gone, refused, unheard = await asyncio.gather(
            a_refer_that_got_lost_is_sent_again(phone),
            a_caller_who_hangs_up_after_202_was_taken(phone),
            a_refusal_gives_the_caller_back(phone),
            no_news_at_all_give_the_caller_back(phone),
        )
    outcomes = {
        lost: ("transferred to desk", "taken"),
        gone: ("transferred to desk", "taken"),
        refused: ("caller hung up", "transfer: 603 As Scripted"),
        unheard: ("caller hung up", "transfer: no outcome within 20 s"),
    }
    for call, (end_reason, outcome) in outcomes.items():
        assert record_of(garage, call.call_id)["end_reason"] == end_reason
        (event,) = events_of(garage, call.call_id, "transfer")
        assert (event["to"], event["outcome"]) == ("desk", outcome)
