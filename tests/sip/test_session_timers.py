"""Session timers (RFC 4028) in both roles, on calls that are on hold: there time goes by unheard.

The least interval is 90 s; the refresher acts at half of it, and a call that nobody refreshes is
closed a third before its end. All of that at once, in one minute.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.bot_process import BotProcess
from tests.support.records import record_of
from tests.support.sip_dialog import update
from tests.support.wire import WireCall, WirePhone

INTERVAL_S = 90
EXPIRES_S = INTERVAL_S * 2 / 3  # RFC 4028 section 10: min(32, a third) before the end
REFRESH_S = INTERVAL_S / 2
LONGER_S = EXPIRES_S + 4


async def dial(phone: WirePhone, refresher: str) -> WireCall:
    """A call on hold whose refresher is we ("uac") or the bot ("uas")."""
    headers = [("supported", "timer"), ("session-expires", f"{INTERVAL_S};refresher={refresher}")]
    call = await phone.dial(
        "1000", headers=headers, sdp=lambda offer: offer.replace("sendrecv", "sendonly")
    )
    assert call.final_response is not None
    assert call.final_response.get("session-expires") == f"{INTERVAL_S};refresher={refresher}"
    assert (call.final_response.get("require") == "timer") == (refresher == "uac")
    return call


async def until(call: WireCall, seconds: float) -> None:
    await asyncio.sleep(call.answered_at + seconds - time.time())


async def the_bot_refreshes(phone: WirePhone) -> None:
    call = await dial(phone, "uas")
    await until(call, REFRESH_S + 4)
    ((at, refresh),) = call.requests
    assert refresh.method == "UPDATE"
    assert refresh.get("session-expires") == f"{INTERVAL_S};refresher=uac", "who sends it"
    assert at - call.answered_at == pytest.approx(REFRESH_S, abs=2)
    await until(call, LONGER_S)
    assert call.ended_by is None


async def the_phone_refreshes(phone: WirePhone) -> None:
    call = await dial(phone, "uac")
    await until(call, EXPIRES_S - 10)
    interval = ("session-expires", f"{INTERVAL_S};refresher=uac")
    answer = await update(call, headers=[("supported", "timer"), interval])
    assert (answer.status, answer.get("session-expires")) == (200, interval[1])
    await until(call, LONGER_S)
    assert call.ended_by is None and call.requests == []


async def nobody_refreshes(phone: WirePhone) -> WireCall:
    call = await dial(phone, "uac")
    assert await call.ended(LONGER_S) == "bot"
    assert call.ended_at - call.answered_at == pytest.approx(EXPIRES_S, abs=2)
    assert "408" in call.bye_headers["reason"]
    return call


async def test_each_side_refreshes_in_its_role_and_what_nobody_refreshes_ends(
    switchboard: BotProcess,
) -> None:
    async with WirePhone(switchboard.sip) as phone:
        *_, expired = await asyncio.gather(
            the_bot_refreshes(phone), the_phone_refreshes(phone), nobody_refreshes(phone)
        )
    record = record_of(switchboard, expired.call_id)
    assert record["end_reason"] == "session expired: nobody refreshed it"
