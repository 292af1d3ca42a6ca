"""What happens to a call that is up: holds, offers in every form, requests that nobody serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.legs.base import Hold, MediaChanged
from bot.legs.lateness import LATE_S, RECENT
from bot.legs.sip_manners import ALLOW
from tests.support.g711 import PCMU
from tests.support.rtp_wire import RtpStream
from tests.support.sip_desk import Desk, until
from tests.support.sip_dialog import (
    ask,
    codecs_of,
    direction_of,
    notify,
    reinvite,
    sdp,
    update,
)
from tests.support.sip_wire import WireCall, WirePhone

HELD = {
    "sendonly": ({"direction": "sendonly"}, "recvonly"),
    "inactive": ({"direction": "inactive"}, "inactive"),
    "c=0.0.0.0": ({"direction": "", "host": "0.0.0.0"}, "inactive"),
    "c=0.0.0.0 sendonly": ({"direction": "sendonly", "host": "0.0.0.0"}, "recvonly"),
}
STEADY_S = 0.4


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as made:
        yield made


@pytest.fixture
async def phone(desk: Desk) -> AsyncIterator[WirePhone]:
    async with WirePhone(desk.address) as made:
        yield made


async def packets(rtp: RtpStream, seconds: float = STEADY_S) -> list[int]:
    """Payload types that came in so long."""
    await asyncio.sleep(0.1)  # those on the way
    before = len(rtp.received)
    await asyncio.sleep(seconds)
    return [packet.payload_type for packet in rtp.received[before:]]


async def test_each_hold_is_answered_as_such_and_nothing_is_sent(desk, phone):
    call, leg = await desk.answer(phone)
    for version, (name, (offer, answer)) in enumerate(HELD.items(), start=2):
        held = await reinvite(call, sdp(call, version=2 * version, **offer))
        assert (held.status, direction_of(held.body)) == (200, answer), name
        assert await packets(call.rtp, 0.2) == [], name
        back = await reinvite(call, sdp(call, version=2 * version + 1))
        assert (back.status, direction_of(back.body)) == (200, "sendrecv"), name
        assert len(await packets(call.rtp, 0.2)) >= 8, name
        found = await until(leg, lambda e: e == Hold(on=False))
        assert [e for e in found if isinstance(e, Hold)] == [Hold(on=True), Hold(on=False)], name
    assert leg.ended is None


async def test_a_hold_by_update_is_one_too(desk, phone):
    call, leg = await desk.answer(phone)
    held = await update(call, sdp(call, direction="sendonly"))
    assert (held.status, direction_of(held.body)) == (200, "recvonly")
    assert Hold(on=True) in await until(leg, lambda e: isinstance(e, Hold))
    assert (await update(call)).status == 200, "a refresh says nothing of media"
    assert not [e for e in await until(leg, lambda e: False, 10) if isinstance(e, Hold)]
    assert (await update(call, sdp(call, version=3))).status == 200
    assert Hold(on=False) in await until(leg, lambda e: isinstance(e, Hold))


async def test_a_call_that_begins_on_hold_is_answered_as_held(desk, phone):
    call, leg = await desk.answer(phone, sdp=lambda offer: offer.replace("sendrecv", "sendonly"))
    assert call.final_response is not None
    assert direction_of(call.final_response.body) == "recvonly"
    assert Hold(on=True) in await until(leg, lambda e: isinstance(e, Hold))


async def heard_level(leg, frames: int = 20) -> float:
    """Loudest sample that the bot hears from now on."""
    loudest, backlog = 0, len(leg._box.inbound)
    async for frame in leg.frames():
        frames -= 1
        if frames < 20 - backlog:
            loudest = max(loudest, int(np.abs(frame.astype(np.int32)).max()))
        if frames < -backlog:
            return loudest
    return loudest


async def test_the_codec_changes_in_mid_call_both_ways(desk, phone):
    call, leg = await desk.answer(phone)
    noise = np.random.default_rng(1).integers(-9000, 9000, 48_000, np.int16)
    for version, (codec, kind, rate_hz) in enumerate(
        [("PCMA", 8, 8000), ("G722", 9, 16000), ("PCMU", 0, 8000)], start=2
    ):
        changed = await reinvite(call, sdp(call, [codec], version=version))
        assert (changed.status, codecs_of(changed.body)) == (200, [codec])
        assert set(await packets(call.rtp)) == {kind}
        found = await until(leg, lambda e, codec=codec: isinstance(e, MediaChanged))
        assert found[-1] == MediaChanged(codec, rate_hz)
        call.rtp.send_as(kind, PCMU.encode(noise[:16_000]))  # any bytes are loud in any of them
        assert await heard_level(leg, 30) > 3000, codec
        call.rtp.stop_talking()
    assert leg.ended is None


async def test_an_offer_that_changes_nothing_or_is_none_leaves_the_call_as_it_was(desk, phone):
    call, leg = await desk.answer(phone)
    same = await reinvite(call, sdp(call, version=1))
    assert (same.status, codecs_of(same.body)) == (200, ["PCMU"])
    assert set(await packets(call.rtp)) == {0}
    call.ack_body = lambda: sdp(call, version=2)
    ours = await reinvite(call)
    assert codecs_of(ours.body) == ["PCMU", "PCMA", "G722"], "the 200 is the offer"
    call.ack_body = None
    assert set(await packets(call.rtp)) == {0}
    refused = await reinvite(call, sdp(call, ["G729"], version=3))
    assert refused.status == 488, "and the call goes on as it was (RFC 3261 section 14.2)"
    assert set(await packets(call.rtp)) == {0}
    events = await until(leg, lambda e: False, 20)
    assert not [e for e in events if isinstance(e, Hold)] and leg.ended is None


async def test_a_late_offer_is_ours_and_the_ack_answers_it(desk, phone):
    dialling = asyncio.ensure_future(phone.dial("1000", codecs=()))
    leg = await desk.next()
    await leg.answer()
    call = await dialling
    assert codecs_of(call.final_response.body) == ["PCMU", "PCMA", "G722"]
    assert set(await packets(call.rtp)) == {0}
    assert MediaChanged("PCMU", 8000) in await until(leg, lambda e: isinstance(e, MediaChanged))


BODIES = {"INFO": ("application/media_control+xml", "<a/>"), "MESSAGE": ("text/plain", "hello")}
WITHIN = {
    "OPTIONS": 200, "REFER": 403, "NOTIFY": 481, "INFO": 415, "MESSAGE": 405, "SUBSCRIBE": 405,
    "PUBLISH": 405, "REGISTER": 405, "JUMP": 405,
}  # fmt: skip
OUTSIDE = WITHIN | {"INFO": 481, "BYE": 481, "UPDATE": 481, "PRACK": 481}


async def told(call: WireCall, method: str) -> tuple[int, dict[str, str]]:
    kind, body = BODIES.get(method, ("", ""))
    headers = [("content-type", kind)] if kind else []
    if method == "REFER":
        headers.append(("refer-to", "<sip:4711@192.0.2.1>"))
    answer = await ask(call, method, body, headers)
    return answer.status, dict(answer.headers)


def check(method: str, status: int, headers: dict[str, str]) -> None:
    """What the grammar wants with each refusal (RFC 3261 section 21.4)."""
    assert headers["cseq"].endswith(method) and "tag=" in headers["to"]
    if status in (200, 405):
        assert headers["allow"] == ALLOW
    if status == 415:
        assert headers["accept"] == "application/dtmf-relay, application/dtmf"


async def test_what_nobody_serves_is_refused_and_the_call_goes_on(desk, phone):
    call, leg = await desk.answer(phone)
    for method, status in WITHIN.items():
        got, headers = await told(call, method)
        assert got == status, method
        check(method, got, headers)
    assert (await ask(call, "INFO")).status == 200, "an empty one asks whether we are there"
    assert desk.rung.empty() and leg.ended is None
    assert set(await packets(call.rtp)) == {0}
    assert await call.hang_up() == 200


async def test_outside_a_call_the_same_and_no_dialog_where_one_is_needed(desk, phone):
    for method, status in OUTSIDE.items():
        stranger = phone.stranger("1000")
        got, headers = await told(stranger, method)
        assert got == status, method
        check(method, got, headers)
    assert desk.rung.empty()


async def test_news_of_a_transfer_nobody_asked_for_are_refused(desk, phone):
    call, leg = await desk.answer(phone)
    assert await notify(call, 200, "OK") == 481
    moving = asyncio.ensure_future(leg.transfer("sip:200@192.0.2.1"))
    await asyncio.wait_for(call.referred.get(), 5)
    assert await notify(call, 200, "OK") == 200
    await asyncio.wait_for(moving, 2)


@pytest.mark.parametrize("wish", ["require", "supported"])
async def test_ringing_is_reliable_for_whoever_asks(desk, phone, wish):
    ringing = asyncio.ensure_future(phone.dial("1000", headers=[(wish, "100rel")]))
    leg = await desk.next()
    await leg.answer()
    call = await ringing
    assert call.status == 200
    (reliable,) = [each for each in call.provisionals if each.status == 180]
    assert reliable.get("rseq") and reliable.get("require") == "100rel"
    assert call.pracked == [200]


async def test_an_interval_below_the_least_is_refused_before_it_rings(desk, phone):
    headers = [("supported", "timer"), ("session-expires", "60")]
    call = await phone.dial("1000", headers=headers)
    assert (call.status, call.final_response.get("min-se")) == (422, "90")
    assert call.provisional == [] and desk.rung.empty()


async def test_calls_of_ours_ask_for_a_session_timer():
    async with Desk(session_expires_s=240) as desk:
        _, bot = await desk.talk_to_itself()
        assert bot.info.headers["session-expires"] == "240"
        assert bot.info.headers["min-se"] == "90"
        assert "timer" in bot.info.headers["supported"]


async def test_a_worker_whose_ticks_are_late_says_so_to_who_asks(desk, phone):
    call, leg = await desk.answer(phone)
    late = desk.endpoint._stack.clock._late
    for _ in range(RECENT):
        late.add(2 * LATE_S)
    assert await phone.options() == 503
    assert (await ask(call, "OPTIONS")).status == 200, "the call itself is there"
    for _ in range(RECENT):
        late.add(0.0)
    assert await phone.options() == 200
    assert leg.ended is None
