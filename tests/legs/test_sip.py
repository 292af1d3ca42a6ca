"""What only a telephone does: refusals, limits, holds, transfers, headers, the port itself.

The far side is a phone of raw sockets where its answers matter, else the endpoint itself.
"""

import asyncio
import contextlib
import socket

import pjsua2 as pj
import pytest

from bot.errors import LegError, StartError
from bot.legs.base import Digit, HangUp, Hold
from bot.legs.sip import SipEndpoint, SipSettings
from bot.legs.sip_sockets import CALLS_AT_ONCE, CLOSING_S
from tests.sip.conformance.agent import Agent
from tests.support.sip_desk import Desk, until
from tests.support.sip_wire import WirePhone


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (HangUp.NORMAL, 480),
        (HangUp.BUSY, 486),
        (HangUp.NOT_FOUND, 404),
        (HangUp.DECLINED, 603),
        (HangUp.UNAVAILABLE, 503),
        (HangUp.FAILED, 500),
    ],
)
async def test_each_refusal_has_its_status(desk, phone, reason, status):
    call = await phone.ring("1000")
    leg = await desk.next()
    await leg.hang_up(reason)
    assert await call.final() == status
    assert 180 in call.provisional
    assert bool(call.final_response.get("retry-after")) == (status == 503)
    assert leg.ended == "bot"


async def test_the_answered_codec_is_the_offered_one(desk, phone):
    call = asyncio.ensure_future(phone.dial("1000", codecs=("PCMA",)))
    leg = await desk.next()
    await leg.answer()
    assert (await call).status == 200
    await until(leg, lambda e: True)
    assert (leg.info.codec, leg.info.codec_hz) == ("PCMA", 8000)


async def test_wide_band_between_two_who_can():
    async with Desk(codecs=("G722", "PCMU")) as desk:
        _, bot = await desk.talk_to_itself()
        await until(bot, lambda e: True)
        assert (bot.info.codec, bot.info.codec_hz) == ("G722", 16000)


async def test_no_common_codec_is_not_acceptable():
    async with Desk(codecs=("G722",)) as desk, WirePhone(desk.address) as phone:
        call = await phone.dial("1000", codecs=("PCMU",))
        assert call.status == 488
        assert desk.rung.empty()


@pytest.mark.parametrize("limit", [1, 4])
async def test_one_call_more_than_allowed_is_busy(limit):
    async with Desk(max_calls=limit) as desk, WirePhone(desk.address) as phone:
        for _ in range(limit):
            await phone.ring("1000")
        extra = await phone.dial("1000")
        assert extra.status == 486
        assert desk.rung.qsize() == limit


async def test_draining_refuses_calls_that_want_our_offer(desk):
    """A 503 in the callback of such an INVITE once ended the process."""
    desk.endpoint.draining = True
    caller = await Agent.open(desk.address)
    call = await caller.call("1000")
    final = await call.invite("")
    assert final.status == 503 and final.get("retry-after")
    desk.endpoint.draining = False
    assert (await call.transact(call.request("OPTIONS"))).status == 200
    await caller.close()


async def test_an_invite_that_was_cut_off_is_too_large(desk):
    """The library reads 4000 bytes; without its SDP the rest would be a request for an offer."""
    caller = await Agent.open(desk.address)
    call = await caller.call("1000")
    final = await call.invite(headers=[(f"x-carrier-{n}", "z" * 180) for n in range(30)])
    assert final.status == 513
    assert (await call.transact(call.request("OPTIONS"))).status == 200
    await caller.close()


async def test_draining_refuses_new_calls_and_keeps_the_running_one(desk, phone):
    dialling = asyncio.ensure_future(phone.dial("1000"))
    running = await desk.next()
    await running.answer()
    await dialling
    assert await phone.options() == 200
    desk.endpoint.draining = True
    refused = await phone.dial("1000")
    assert refused.status == 503
    assert int(refused.final_response.get("retry-after")) > 0
    assert await phone.options() == 503
    assert desk.rung.empty() and running.ended is None


async def test_cancel_and_bye_from_the_phone(desk, phone):
    ringing = await phone.ring("1000")
    leg = await desk.next()
    assert await ringing.cancel() == 487
    assert [f async for f in leg.frames()] == []
    assert leg.ended == "cancelled"
    dialling = asyncio.ensure_future(phone.dial("1000"))
    second = await desk.next()
    await second.answer()
    call = await dialling
    await until(second, lambda e: False, 15)  # 300 ms: the phone's packets are coming
    assert await call.hang_up() == 200
    await asyncio.wait_for(until(second, lambda e: False, 1000), 3)
    assert second.ended == "caller"
    assert second.stats.rtp_received > 0


async def test_rfc4733_digits_from_a_foreign_phone(desk, phone):
    dialling = asyncio.ensure_future(phone.dial("1000"))
    leg = await desk.next()
    await leg.answer()
    call = await dialling
    call.rtp.press("0*D")
    events = await until(leg, lambda e: e == Digit("D"))
    assert [e for e in events if isinstance(e, Digit)] == [Digit("0"), Digit("*"), Digit("D")]


async def test_info_digits_say_so(desk):
    phone, bot = await desk.talk_to_itself()
    await until(bot, lambda e: True)

    def press(call: pj.Call) -> None:
        prm = pj.CallSendDtmfParam()
        prm.method, prm.digits, prm.duration = pj.PJSUA_DTMF_METHOD_SIP_INFO, "7", 160
        call.sendDtmf(prm)

    await desk.as_owner(phone, press)
    events = await until(bot, lambda e: isinstance(e, Digit))
    assert Digit("7", "info") in events


async def test_hold_and_back_keeps_the_ticks_and_the_audio(desk):
    phone, bot = await desk.talk_to_itself()
    await until(bot, lambda e: True)
    await desk.as_owner(phone, lambda call: call.setHold(pj.CallOpParam(True)))
    assert Hold(on=True) in await until(bot, lambda e: isinstance(e, Hold))

    def back(call: pj.Call) -> None:
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        call.reinvite(prm)

    await desk.as_owner(phone, back)
    assert Hold(on=False) in await until(bot, lambda e: isinstance(e, Hold))
    before = bot.stats.frames_lost
    await until(bot, lambda e: False, 30)
    assert bot.stats.frames_lost - before < 10
    assert bot.ended is None


async def test_a_refused_transfer_is_an_error_and_the_call_goes_on(desk):
    """The far side is the bot itself, and nobody makes the bot dial."""
    phone, bot = await desk.talk_to_itself()
    with pytest.raises(LegError, match="403"):
        await asyncio.wait_for(bot.transfer(desk.uri), 5)
    assert bot.ended is None and phone.ended is None
    assert desk.rung.empty()


async def test_a_transferred_party_that_hangs_up_was_transferred(desk, phone):
    """Many exchanges accept the REFER and say BYE without a NOTIFY."""
    dialling = asyncio.ensure_future(phone.dial("1000"))
    leg = await desk.next()
    await leg.answer()
    call = await dialling
    moving = asyncio.ensure_future(leg.transfer("sip:2000@127.0.0.1"))
    await until(leg, lambda e: False, 10)
    assert not moving.done()
    await call.hang_up()
    await asyncio.wait_for(moving, 2)
    assert leg.ended == "caller"


async def test_headers_reach_the_leg(desk, phone):
    await phone.ring(
        "4711",
        caller="anonymous",
        headers=[
            ("Diversion", "<sip:999@pbx.example>;reason=no-answer"),
            ("P-Asserted-Identity", '"A, B" <sip:+49301234@pbx.example>'),
        ],
    )
    leg = await desk.next()
    assert (leg.info.caller, leg.info.called) == ("", "4711")
    assert leg.info.headers["diversion"] == "<sip:999@pbx.example>;reason=no-answer"
    assert "+49301234" in leg.info.headers["p-asserted-identity"]
    assert leg.info.headers["request-uri"].startswith("sip:4711@127.0.0.1")


async def test_tcp_serves_as_well_as_udp(desk):
    phone = await desk.endpoint.dial(f"{desk.uri};transport=tcp")
    bot = await desk.next()
    assert "SIP/2.0/TCP" in bot.info.headers["via"]
    await bot.answer()
    await phone.answered(5)
    await phone.hang_up()
    assert phone.ended == "bot"


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_a_taken_port_is_named_with_its_remedy(kind):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        endpoint = SipEndpoint(SipSettings(f"127.0.0.1:{port}"), lambda leg: None)
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port}.*change sip\.bind"):
            await endpoint.start()


async def test_a_bad_uri_and_a_dead_address_are_errors(desk):
    with pytest.raises(LegError):
        await desk.endpoint.dial("not a uri")
    nobody = await desk.endpoint.dial("sip:1000@127.0.0.1:9")
    with pytest.raises(LegError):
        await nobody.answered(0.5)
    assert nobody.ended is not None


async def test_closing_hangs_up_on_everybody_quickly(phone, desk):
    dialling = asyncio.ensure_future(phone.dial("1000"))
    leg = await desk.next()
    await leg.answer()
    call = await dialling
    began = asyncio.get_running_loop().time()
    await desk.endpoint.close()
    assert asyncio.get_running_loop().time() - began < 3
    assert await call.ended(1) == "bot"
    await asyncio.wait_for(until(leg, lambda e: False, 1000), 1)
    assert leg.ended is not None


async def test_a_flood_of_invites_is_turned_away_before_it_costs_sockets(desk, phone):
    """pjsip would abort the process at its 65th socket; closed ones count for half a second."""

    async def turn_away() -> None:
        while True:
            await (await desk.rung.get()).hang_up(HangUp.NOT_FOUND)

    clerk = asyncio.ensure_future(turn_away())
    statuses = set()
    for _ in range(20):
        calls = await asyncio.gather(*(phone.dial("1") for _ in range(4)))
        statuses |= {call.status for call in calls}
    clerk.cancel()
    assert 404 in statuses
    assert statuses <= {404, 486, 503}
    for _ in range(CALLS_AT_ONCE):
        desk.endpoint._stack._begun.count()
    assert (await phone.dial("1000")).status == 503
    assert desk.rung.empty()
    await asyncio.sleep(CLOSING_S)
    await phone.ring("1000")
    assert (await desk.next()).ended is None


async def test_tcp_is_served_however_many_connections_were_left_open(desk):
    """Without a bound the 63rd and all after it would never be accepted."""
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(75):
            reader, writer = await asyncio.wait_for(asyncio.open_connection(*desk.address), 10)
            opened.callback(writer.close)
        writer.write(
            b"OPTIONS %s SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKx\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:1000@b>\r\nCall-ID: many\r\n"
            b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % desk.uri.encode()
        )
        assert b"200 OK" in await asyncio.wait_for(reader.readline(), 10)
