"""Blind transfer: REFER out, followed by NOTIFY to its end, whatever the far side makes of it."""

import asyncio
import contextlib

import pytest

from bot.errors import LegError
from bot.legs import sip_leg
from bot.legs.sip import SipLeg
from tests.support.sip_desk import Desk, until
from tests.support.wire import WireCall, WirePhone

TARGET = "sip:2000@127.0.0.1"


async def asked(desk: Desk, phone: WirePhone) -> tuple[WireCall, SipLeg, asyncio.Task[None]]:
    """A call whose REFER has come in."""
    call, leg = await desk.answer(phone)
    moving = asyncio.ensure_future(leg.transfer(TARGET))
    assert await asyncio.wait_for(call.referred.get(), 5) == TARGET
    return call, leg, moving


async def goes_on(call: WireCall, leg: SipLeg) -> bool:
    before = len(call.rtp.received)
    await until(leg, lambda e: False, 20)
    return len(call.rtp.received) - before > 10 and leg.ended is None


async def test_the_transfer_is_followed_from_trying_to_ok(desk, phone):
    call, _, moving = await asked(desk, phone)
    for code, reason in ((100, "Trying"), (180, "Ringing")):
        assert await call.transferred(code, reason, final=False) == 200
        assert not moving.done()
    assert await call.transferred(200, "OK") == 200
    await asyncio.wait_for(moving, 1)


async def test_the_outcome_is_known_though_linphone_writes_its_parameter_twice(desk, phone):
    """Seen of Linphonec/5.1.65; pjsip drops such a packet."""
    call, leg, moving = await asked(desk, phone)
    assert await call.transferred(180, "Ringing", state="active;expires=expires=60") == 200
    assert not moving.done()
    state = "terminated;reason=reason=noresource"
    assert await call.transferred(200, "Ok", state=state) == 200
    await asyncio.wait_for(moving, 1)
    with pytest.raises(TimeoutError):  # past mending
        await call.transferred(200, "Ok", timeout=1, state="=;")
    assert await goes_on(call, leg)


@pytest.mark.parametrize("code", [404, 486, 603])
async def test_a_transfer_that_fails_in_the_end_leaves_the_caller_here(desk, phone, code):
    call, leg, moving = await asked(desk, phone)
    await call.transferred(180, "Ringing", final=False)
    await call.transferred(code, "No")
    with pytest.raises(LegError, match=str(code)):
        await asyncio.wait_for(moving, 1)
    assert await goes_on(call, leg)


async def test_a_subscription_that_ends_before_an_outcome_is_a_failure(desk, phone):
    call, leg, moving = await asked(desk, phone)
    await call.transferred(100, "Trying")
    with pytest.raises(LegError, match="not told"):
        await asyncio.wait_for(moving, 1)
    assert await goes_on(call, leg)


async def test_a_lost_refer_is_sent_again(desk, phone):
    call, leg = await desk.answer(phone)
    call.scripted["REFER"] = [0, 0]
    moving = asyncio.ensure_future(leg.transfer(TARGET))
    await asyncio.wait_for(call.referred.get(), 5)
    assert call.requested.count("REFER") == 3
    await call.transferred(200, "OK")
    await asyncio.wait_for(moving, 1)


async def test_a_refused_refer_leaves_the_caller_here(desk, phone):
    call, leg = await desk.answer(phone)
    call.scripted["REFER"] = [405]
    with pytest.raises(LegError, match="405"):
        await asyncio.wait_for(leg.transfer(TARGET), 3)
    assert await goes_on(call, leg)


async def test_no_notify_at_all_is_given_up_and_a_late_one_harms_nobody(desk, phone, monkeypatch):
    monkeypatch.setattr(sip_leg, "TRANSFER_S", 1.0)
    call, leg, moving = await asked(desk, phone)
    with pytest.raises(LegError, match="no outcome"):
        await asyncio.wait_for(moving, 3)
    assert await call.transferred(200, "OK") == 200
    assert await goes_on(call, leg)
    again = asyncio.ensure_future(leg.transfer(TARGET))
    await asyncio.wait_for(call.referred.get(), 5)
    await call.transferred(200, "OK")
    await asyncio.wait_for(again, 1)


async def test_bye_right_after_the_202_is_a_transfer(desk, phone):
    call, leg, moving = await asked(desk, phone)
    await call.hang_up()
    await asyncio.wait_for(moving, 2)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until(leg, lambda e: False, 500), 1)
    assert leg.ended == "caller"
