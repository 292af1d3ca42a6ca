"""What happens in mid-call, judged on packets: hold, new offers, timers, requests of all kinds."""

import asyncio
import contextlib

import numpy as np
import pytest

from bot.legs.base import Hold, MediaChanged
from bot.legs.lateness import LATELY, SICK_S
from bot.legs.sip import SipLeg
from bot.legs.sip_manners import ALLOW
from bot.legs.sip_offers import receiving_only, speaks
from tests.support.rtp_wire import lost
from tests.support.sip_desk import until
from tests.support.sip_dialog import (
    ask,
    codecs_of,
    direction_of,
    late_offer,
    reinvite,
    ring_without_offer,
    sdp,
    update,
)
from tests.support.sip_message import answered
from tests.support.sip_wire import WireCall
from tests.support.ticks import caught_up
from tests.support.wire import PCMA

LOUD = np.full(960, 8000, np.int16)
LOUD[::2] = -8000
TONE = (8000 * np.sin(np.arange(4000) * 2 * np.pi * 440 / 8000)).astype(np.int16)


async def heard(leg: SipLeg, frames: int) -> int:
    """Peak of what arrives in so many ticks, while the bot is loud."""
    await caught_up(leg)
    peak = 0
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for frame in ticks:
            leg.write(LOUD)
            peak = max(peak, int(np.abs(frame).max()))
            frames -= 1
            if not frames:
                return peak
    return peak


async def both_ways(call: WireCall, leg: SipLeg) -> None:
    """Audio goes from each to the other."""
    before = len(call.rtp.received)
    call.rtp.say(TONE)
    assert await heard(leg, 25) > 4000, "the caller is not heard"
    assert len(call.rtp.received) - before > 15, "the bot is not heard"


HOLDS = {
    "sendonly": ({"direction": "sendonly"}, "recvonly"),
    "inactive": ({"direction": "inactive"}, "inactive"),
    "no address": ({"direction": "", "host": "0.0.0.0"}, "recvonly"),
    "no address, sendrecv": ({"host": "0.0.0.0"}, "recvonly"),
    "no address, sendonly": ({"direction": "sendonly", "host": "0.0.0.0"}, "recvonly"),
}


async def test_every_form_of_hold_is_answered_as_such_and_silences_the_line(desk, phone):
    call, leg = await desk.answer(phone)
    await both_ways(call, leg)
    for name, (form, wanted) in HOLDS.items():
        answer = await reinvite(call, sdp(call, **form))
        assert (answer.status, direction_of(answer.body)) == (200, wanted), name
        assert Hold(on=True) in await until(leg, lambda e: isinstance(e, Hold), 25), name
        before = len(call.rtp.received)
        await heard(leg, 15)
        assert len(call.rtp.received) == before, f"{name}: the bot speaks to who holds it"
        answer = await reinvite(call, sdp(call))
        assert direction_of(answer.body) == "sendrecv", name
        assert Hold(on=False) in await until(leg, lambda e: isinstance(e, Hold), 25), name
        await both_ways(call, leg)
    assert leg.ended is None


async def test_who_only_listens_is_no_hold(desk, phone):
    call, leg = await desk.answer(phone)
    answer = await reinvite(call, sdp(call, direction="recvonly"))
    assert direction_of(answer.body) == "sendonly"
    before = len(call.rtp.received)
    assert Hold(on=True) not in await until(leg, lambda e: isinstance(e, Hold), 40)
    assert len(call.rtp.received) - before > 10


async def test_codecs_change_in_mid_call_and_the_engine_is_told(desk, phone):
    call, leg = await desk.answer(phone)
    await until(leg, lambda e: False, 3)
    for by, name, hz in ((reinvite, "PCMA", 8000), (reinvite, "G722", 16000),
                         (update, "PCMU", 8000)):  # fmt: skip
        answer = await by(call, sdp(call, [name]))
        assert codecs_of(answer.body) == [name]
        assert MediaChanged(name, hz) in await until(leg, lambda e: isinstance(e, MediaChanged))
        assert leg.info.codec == name
        before = len(call.rtp.received)
        await heard(leg, 15)
        kinds = {packet.payload_type for packet in call.rtp.received[before + 2 :]}
        assert kinds == {{"PCMU": 0, "PCMA": 8, "G722": 9}[name]}
        assert len(call.rtp.received) - before > 10
    await both_ways(call, leg)


async def test_offers_that_change_nothing_and_requests_without_one(desk, phone):
    call, leg = await desk.answer(phone)
    await both_ways(call, leg)
    told = await until(leg, lambda e: False, 2)
    assert (await reinvite(call, sdp(call))).status == 200
    assert (await update(call)).status == 200
    assert (await update(call, sdp(call))).status == 200
    told = await until(leg, lambda e: False, 5)
    assert told == []
    await both_ways(call, leg)
    assert lost(call.rtp.audio_in) == 0


async def test_a_late_offer_of_either_side(desk, phone):
    """Without SDP it is we who offer: all our codecs, and the ACK carries the answer."""
    call, leg = await desk.answer(phone)
    await until(leg, lambda e: False, 3)
    offered = await late_offer(call, sdp(call, ["PCMA"]))
    assert codecs_of(offered.body) == ["PCMU", "PCMA", "G722"]
    assert MediaChanged("PCMA", 8000) in await until(leg, lambda e: isinstance(e, MediaChanged))
    assert (await reinvite(call, sdp(call))).status == 200
    await both_ways(call, leg)


async def test_an_offer_without_a_codec_of_ours_leaves_the_call_as_it_was(desk, phone):
    call, leg = await desk.answer(phone)
    await both_ways(call, leg)
    strange = sdp(call).replace("PCMU/8000", "speex/8000").replace("AVP 0", "AVP 97")
    strange = strange.replace("rtpmap:0", "rtpmap:97")
    assert (await reinvite(call, strange)).status == 488
    assert (await update(call, strange)).status == 488
    await both_ways(call, leg)


async def test_an_invite_without_sdp_is_offered_all_codecs(desk, phone):
    call = await ring_without_offer(phone, ["PCMA"])
    leg = await desk.next()
    await leg.answer()
    assert await call.final() == 200 and call.final_response is not None
    assert codecs_of(call.final_response.body) == ["PCMU", "PCMA", "G722"]
    host, port, _ = answered(call.final_response.body)
    call.rtp.start(host, port, PCMA)
    await both_ways(call, leg)
    assert leg.info.codec == "PCMA"


async def test_requests_nobody_serves_are_refused_and_the_call_is_unharmed(desk, phone):
    call, leg = await desk.answer(phone)
    await both_ways(call, leg)
    text, refer = ("content-type", "text/plain"), ("refer-to", "<sip:x@127.0.0.1:9>")
    state = ("subscription-state", "active")
    for method, body, headers, status in (
        ("MESSAGE", "hello", [text], 405),
        ("SUBSCRIBE", "", [("event", "presence"), ("expires", "60")], 405),
        ("PUBLISH", "", [("event", "presence")], 405),
        ("REGISTER", "", [], 405),
        ("FROBNICATE", "", [], 405),
        ("REFER", "", [refer], 403),
        ("REFER", "", [], 403),
        ("INFO", "hello", [text], 415),
        ("INFO", "", [], 200),
        ("NOTIFY", "", [("event", "refer"), state], 481),
        ("NOTIFY", "", [("event", "presence"), state], 481),
        ("OPTIONS", "", [], 200),
    ):
        answer = await ask(call, method, body, headers, timeout=3)
        assert answer.status == status, (method, headers, answer.first)
        if status == 405 or method == "OPTIONS":
            assert answer.get("allow") == ALLOW
        if status == 415:
            assert "application/dtmf-relay" in answer.get("accept")
    await both_ways(call, leg)
    assert desk.rung.empty() and leg.ended is None


async def test_strays_outside_a_call_get_an_answer(desk, phone):
    state = ("subscription-state", "active")
    stream = await phone.media.open()
    for method, headers, status in (
        ("MESSAGE", [], 405),
        ("SUBSCRIBE", [("event", "presence")], 405),
        ("REGISTER", [], 405),
        ("FROBNICATE", [], 405),
        ("REFER", [("refer-to", "<sip:x@127.0.0.1:9>")], 403),
        ("INFO", [], 481),
        ("NOTIFY", [("event", "message-summary"), state], 481),
        ("UPDATE", [], 481),
        ("PRACK", [("rack", "1 1 INVITE")], 481),
        ("BYE", [], 481),
        ("OPTIONS", [], 200),
    ):
        stray = WireCall(phone, "1000", "4930", stream)
        phone.calls[stray.call_id] = stray
        answer = await ask(stray, method, "", headers, timeout=3)
        del phone.calls[stray.call_id]
        assert answer.status == status, (method, answer.first)
        if method == "OPTIONS":
            listed = {each.strip() for each in answer.get("allow").split(",")}
            assert listed == set(ALLOW.split(", "))
    assert desk.rung.empty()


async def test_a_worker_that_cannot_keep_the_time_says_so(desk, phone):
    assert await phone.options() == 200
    clock = desk.endpoint._stack.clock
    for _ in range(LATELY // 2):
        clock._late.add(3 * SICK_S)
    assert await phone.options() == 503
    for _ in range(LATELY):
        clock._late.add(0.001)
    assert await phone.options() == 200


async def test_an_invite_that_comes_by_two_ways_rings_once(desk, phone):
    """A proxy that forks to one address twice (RFC 3261 8.2.2.2)."""
    call = await phone.ring("1000")
    leg = await desk.next()
    while not any(each.status == 180 for each in call.ringing):  # else the twin is given it
        await asyncio.sleep(0.01)
    twin = WireCall(phone, "1000", "4930123456", await phone.media.open())
    twin.call_id, twin.from_ = call.call_id, call.from_
    phone.calls[call.call_id] = twin
    await twin.invite(["PCMU"], [])
    assert await twin.final(3) == 482
    assert not twin.ringing and desk.rung.empty()
    phone.calls[call.call_id] = call
    await leg.answer()
    assert await call.final(3) == 200
    await both_ways(call, leg)


async def test_a_session_too_short_is_refused_with_the_least_we_take(desk, phone):
    timer = ("supported", "timer")
    call = await phone.dial("1000", headers=[timer, ("session-expires", "30"), ("min-se", "30")])
    assert call.status == 422
    assert call.final_response.get("min-se") == "90"
    assert not call.ringing and desk.rung.empty(), "a call nobody can take up left a record"


@pytest.mark.parametrize("refresher", ["uac", "uas"])
async def test_whoever_shall_refresh_the_session_is_agreed(desk, phone, refresher):
    headers = [("supported", "timer"), ("session-expires", f"120;refresher={refresher}")]
    call, _ = await desk.answer(phone, headers=headers)
    assert call.final_response.get("session-expires") == f"120;refresher={refresher}"
    again = await update(call, headers=headers)
    assert again.get("session-expires").startswith("120;refresher=")


async def test_a_reliable_180_for_who_requires_it(desk, phone):
    ringing = await phone.ring("1000", headers=[("require", "100rel")])
    leg = await desk.next()
    while not (found := [each for each in ringing.ringing if each.status == 180]):
        await asyncio.sleep(0.01)
    first = found[0]
    assert first.get("require") == "100rel"
    rack = f"{first.get('rseq')} {first.get('cseq')}"
    ringing.to = first.get("to")
    assert (await ask(ringing, "PRACK", headers=[("rack", rack)])).status == 200
    await leg.answer()
    assert await ringing.final() == 200
    unasked = await phone.ring("1000", headers=[("supported", "100rel")])
    await (await desk.next()).answer()
    assert await unasked.final() == 200
    assert not any(each.get("require") for each in unasked.ringing)


@pytest.mark.parametrize(
    ("offer", "yes"),
    [
        ("m=audio 4000 RTP/AVP 18 0", True),
        ("m=audio 4000 RTP/AVP 18", False),
        ("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 pcma/8000", True),
        ("m=audio 0 RTP/AVP 0", False),
        ("m=audio 0 RTP/AVP 0\r\nm=audio 5000 RTP/SAVP 8", True),
        ("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G726-32/8000", False),
        ("m=image 4000 udptl t38", False),
        ("", False),
    ],
)
def test_offers_are_read(offer, yes):
    assert speaks(offer, ["PCMU", "PCMA"]) is yes


def test_only_the_direction_of_an_answer_is_changed():
    answer = "c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\na=ptime:20\r\n"
    assert receiving_only(answer) == answer.replace("sendrecv", "recvonly")
