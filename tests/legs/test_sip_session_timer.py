"""RFC 4028 in real time: its shortest session is 90 s, so all cases wait side by side."""

import asyncio

from bot.legs.sip import SipLeg
from tests.support.sip_desk import Desk
from tests.support.sip_dialog import update
from tests.support.sip_wire import WireCall
from tests.support.wire import WirePhone

TIMER = ("supported", "timer")
HALF_S, END_S = 45, 60  # RFC 4028 section 10: refreshed at half, given up a third before its end


def wanted(refresher: str) -> list[tuple[str, str]]:
    return [TIMER, ("session-expires", f"90;refresher={refresher}")]


async def life(leg: SipLeg) -> float:
    """How long the line lasts, in seconds."""
    began = asyncio.get_running_loop().time()
    async for _ in leg.frames():
        leg.events()
    return asyncio.get_running_loop().time() - began


async def refreshed(call: WireCall) -> int:
    await asyncio.sleep(HALF_S)
    return (await update(call, headers=wanted("uac"))).status


async def test_sessions_are_refreshed_by_either_side_and_end_when_nobody_does():
    async with Desk(session_expires_s=90) as desk, WirePhone(desk.address) as phone:
        (ours, our_leg), (theirs, their_leg), (gone, gone_leg) = [
            await desk.answer(phone, headers=wanted(who)) for who in ("uas", "uac", "uac")
        ]
        lives = [asyncio.ensure_future(life(leg)) for leg in (our_leg, their_leg, gone_leg)]
        refresh = asyncio.ensure_future(refreshed(theirs))
        assert END_S - 2 < await asyncio.wait_for(lives[2], END_S + 3) < END_S + 2
        assert gone_leg.ended == "failed: 408 No session refresh received."
        assert "cause=408" in gone.bye_headers["reason"]
        assert await refresh == 200
        assert "UPDATE" in ours.requested and "UPDATE" not in theirs.requested
        assert our_leg.ended is None and their_leg.ended is None
        for call in (ours, theirs):
            await call.hang_up()
        await asyncio.wait(lives, timeout=3)
