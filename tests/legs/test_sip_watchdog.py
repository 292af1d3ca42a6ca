"""A call whose packets stop is hung up on; one that is silent on purpose is not."""

import asyncio
import contextlib
import time
from typing import Any

from bot.audio.frame import silence
from bot.legs.base import HangUp
from bot.legs.sip import SipLeg
from bot.legs.sip_watchdog import Watchdog
from tests.support.sip_desk import Desk
from tests.support.sip_wire import WireCall, WirePhone


async def carried(leg: SipLeg) -> None:
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for _ in ticks:
            leg.write(silence())


async def up(desk: Desk, phone: WirePhone, **how: Any) -> tuple[WireCall, SipLeg]:
    """A call that is answered and talked to."""
    dialling = asyncio.ensure_future(phone.dial("1000", **how))
    leg = await desk.next()
    await leg.answer()
    carrying.add(asyncio.ensure_future(carried(leg)))
    return await dialling, leg


carrying: set[asyncio.Future[None]] = set()


async def test_only_a_caller_who_sends_nothing_and_is_not_held_is_hung_up_on():
    async with Desk(rtp_timeout_s=1.5) as desk, WirePhone(desk.address) as phone:
        gone, gone_leg = await up(desk, phone)
        holding, holding_leg = await up(desk, phone)
        _, talking_leg = await up(desk, phone)
        never, never_leg = await up(desk, phone)
        never.rtp.mute()
        await asyncio.sleep(0.3)
        held = await holding.reinvite(lambda sdp: sdp.replace("sendrecv", "sendonly"))
        assert held.status == 200
        began = time.monotonic()
        gone.rtp.mute()
        holding.rtp.mute()
        assert await never.ended(4) == "bot"
        assert await gone.ended(4) == "bot"
        assert 1.2 < time.monotonic() - began < 3.5
        assert {gone_leg.ended, never_leg.ended} == {"no audio arrived for 1.5 s"}
        await asyncio.sleep(0.7)
        assert holding_leg.ended is None and talking_leg.ended is None
        back = await holding.reinvite(lambda sdp: sdp)  # and is not heard of again
        assert back.status == 200
        assert await holding.ended(4) == "bot"
        assert talking_leg.ended is None
        await talking_leg.hang_up(HangUp.NORMAL)


async def test_what_is_sent_only_now_and_then_keeps_a_call_up():
    """A phone with silence suppression: nothing, but comfort noise or RTCP every few seconds."""
    async with Desk(rtp_timeout_s=1.5) as desk, WirePhone(desk.address) as phone:
        call, leg = await up(desk, phone)
        call.rtp.sparse()
        for _ in range(4):
            await asyncio.sleep(0.9)
            call.rtp.press("1", hold_ms=40, gap_ms=0)
        assert leg.ended is None and len(call.rtp.sent) < 60


def test_a_new_stream_counts_from_anew_and_zero_means_never():
    dog = Watchdog(10)
    assert not dog.gone(100, 0.0)
    assert not dog.gone(100, 9.9)
    assert dog.gone(100, 10.0)
    assert not dog.gone(100, 11.0), "told once"
    assert not dog.gone(None, 19.0)
    assert not dog.gone(None, 60.0), "held"
    assert not dog.gone(0, 61.0)
    assert not dog.gone(0, 70.9)
    assert dog.gone(0, 71.0)
    never = Watchdog(0)
    assert not never.gone(5, 0.0)
    assert not never.gone(5, 1e9)
