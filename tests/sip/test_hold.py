"""A caller puts the bot on hold in three forms, with music, in mid-sentence and after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.bot_process import FAST_TURN, BotMaker, BotProcess
from tests.support.phone import missing, spoken, transcript
from tests.support.records import events_of, turns_of
from tests.support.sip_dialog import direction_of, reinvite, sdp
from tests.support.sip_wire import WireCall
from tests.support.wire import WirePhone

GREETING = "This is the blue garage, thank you for calling us today. How can I help you?"
QUESTION = "Please put me through to the sales department."
PERSONA = FAST_TURN | {"greeting": GREETING, "idle": {"after_s": 2.5}}
LONG_S = 3.4  # longer than the patience of the persona, and than a hold that is not greeted
FORMS = {
    "sendonly": ({"direction": "sendonly"}, "recvonly"),
    "inactive": ({"direction": "inactive"}, "inactive"),
    "c=0.0.0.0": ({"direction": "", "host": "0.0.0.0"}, "inactive"),
}


@pytest.fixture(scope="module")
def garage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    made = BotMaker(tmp_path_factory.mktemp("garage"))
    try:
        yield made(persona=PERSONA)
    finally:
        made.stop_all()


async def held(call: WireCall, version: int, form: dict[str, Any], answer: str) -> None:
    """On hold with somebody talking in place of music, and back."""
    on = await reinvite(call, sdp(call, version=version, **form))
    assert (on.status, direction_of(on.body)) == (200, answer)
    await asyncio.sleep(0.1)
    before = len(call.rtp.received)
    call.rtp.say(spoken(QUESTION))
    await asyncio.sleep(LONG_S)
    assert len(call.rtp.received) == before, "the bot speaks to nobody"
    call.rtp.stop_talking()
    off = await reinvite(call, sdp(call, version=version + 1))
    assert (off.status, direction_of(off.body)) == (200, "sendrecv")


async def goes_through(phone: WirePhone, form: dict[str, Any], answer: str) -> WireCall:
    call = await phone.dial("1000")
    begun = await call.reply(after=0.0)
    await asyncio.sleep(1.0)
    await held(call, 2, form, answer)
    await call.quiet(0.8, after=begun + LONG_S)
    greeting = transcript(call.rtp.heard())
    assert missing(greeting, ["blue garage", "thank you for calling", "help you"]) == [], greeting

    await held(call, 4, form, answer)
    back_at = call.rtp.sent[-1].at
    await call.quiet(0.8, after=back_at)
    back = transcript(call.rtp.heard(since=back_at))
    assert missing(back, ["welcome back"]) == [], back
    assert missing(back, ["still there"]), "the silence on hold was held against the caller"
    await call.hang_up()
    return call


async def test_on_hold_nobody_is_spoken_to_nor_listened_to_and_then_it_goes_on(
    garage: BotProcess,
) -> None:
    async with WirePhone(garage.sip) as phone:
        calls = await asyncio.gather(*(goes_through(phone, *form) for form in FORMS.values()))
    for call in calls:
        said = [turn["caller_text"] for turn in turns_of(garage, call.call_id)]
        assert not any(said), "music on hold was transcribed"
        assert len(events_of(garage, call.call_id, "hold")) == 2
