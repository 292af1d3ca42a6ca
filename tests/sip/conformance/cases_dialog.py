"""What happens to a call that is up: hold, keys, transfers, timers."""

from __future__ import annotations

import asyncio
import time

from tests.sip.conformance.agent import Call
from tests.sip.conformance.desk import SALES, Desk
from tests.sip.conformance.sdp import sdp, way_of
from tests.sip.conformance.table import case
from tests.support.sip_message import Message, uri_of

# ---- hold ---------------------------------------------------------------------------------------


async def _hold(desk: Desk, offered: dict[str, str], answers: set[str]) -> None:
    call = await desk.up()
    call.media.speak(1.0)  # so that the bot has something to say just now
    await call.media.drained()
    await call.media.speech(after=call.media.received[-1].at)
    held = await call.dial(call.offer(**offered))
    assert way_of(held.body) in answers, f"{offered} was answered {way_of(held.body)}"
    await asyncio.sleep(0.3)
    loud = [packet for packet in await call.media.flow(1.0) if packet.loud]
    assert not loud, f"{len(loud)} packets of speech while on hold"
    back = await call.dial()
    assert way_of(back.body) == "sendrecv", back.body
    await call.media.speech(timeout=6.0, after=time.monotonic())


@case("hold-sendonly", "hold by sendonly: we fall silent, and talk when taken back",
      "RFC 3264 8.4", wait_s=7)  # fmt: skip
async def hold_sendonly(desk: Desk) -> None:
    await _hold(desk, {"way": "sendonly"}, {"recvonly", "inactive"})


@case("hold-inactive", "hold by inactive", "RFC 3264 8.4", wait_s=7)
async def hold_inactive(desk: Desk) -> None:
    await _hold(desk, {"way": "inactive"}, {"inactive"})


@case("hold-zero", "hold by c=0.0.0.0, as RFC 2543 had it", "RFC 3264 8.4", wait_s=7)
async def hold_zero(desk: Desk) -> None:
    await _hold(desk, {"address": "0.0.0.0"}, {"sendrecv", "recvonly", "inactive"})


# ---- keys ---------------------------------------------------------------------------------------


async def _pressed(desk: Desk, call: Call, digits: str) -> None:
    await asyncio.sleep(0.2)  # nobody hangs up within a tick
    await call.bye()
    await desk.record(call)
    assert desk.digits(call) == digits, f"{desk.digits(call)!r} instead of {digits!r}"


@case("dtmf-events", "keys by RFC 4733", "RFC 4733 2.5", wait_s=3)
async def dtmf_events(desk: Desk) -> None:
    call = await desk.up()
    call.media.press("42*#")
    await call.media.drained()
    await _pressed(desk, call, "42*#")


async def _info(desk: Desk, kind: str, text: str) -> None:
    call = await desk.up()
    for digit in "42*#":
        body = text.format(digit)
        info = call.request("INFO", [("content-type", kind)], body)
        final = await call.transact(info)
        assert final.status == 200, f"{final.first} for {digit!r}"
    await _pressed(desk, call, "42*#")


@case("dtmf-info-relay", "keys by INFO, application/dtmf-relay", "RFC 6086", wait_s=3)
async def dtmf_relay(desk: Desk) -> None:
    await _info(desk, "application/dtmf-relay", "Signal={}\r\nDuration=160\r\n")


@case("dtmf-info-plain", "keys by INFO, application/dtmf", "RFC 6086", wait_s=3)
async def dtmf_plain(desk: Desk) -> None:
    await _info(desk, "application/dtmf", "{}")


@case("dtmf-inband", "keys as tones in the audio", "ITU-T Q.24", wait_s=4)
async def dtmf_inband(desk: Desk) -> None:
    call = await desk.call()
    await call.dial("\r\n".join(  # a caller who has no telephone-event
        line.removesuffix(" 101") for line in call.offer().split("\r\n") if ":101" not in line
    ))  # fmt: skip
    await call.media.speech()
    await call.media.quiet()
    call.media.tones("42*#")
    await call.media.drained()
    await asyncio.sleep(0.3)
    await _pressed(desk, call, "42*#")


# ---- transfers ----------------------------------------------------------------------------------


async def _asked(desk: Desk, number: str) -> tuple[Call, Message]:
    """A call whose bot has asked us to dial the sales department."""
    call = await desk.up(number)
    call.media.speak()
    await call.media.drained()
    refer = await call.asked("REFER", 6.0)
    assert uri_of(refer.get("refer-to")) == SALES, refer.get("refer-to")
    return call, refer


async def _taken_back(call: Call, after: float) -> None:
    await call.media.speech(after=after)
    assert not call.ended, "the bot hung up"


@case("transfer", "REFER, and BYE once the other side has answered", "RFC 3515", wait_s=5)
async def transfer(desk: Desk) -> None:
    call, _ = await _asked(desk, "1101")
    notified = await call.transact(call.notify(100, "Trying", "active;expires=60"))
    assert notified.status == 200, notified.first
    assert (await call.transact(call.notify(200, "OK"))).status == 200
    await call.asked("BYE", 6.0)
    assert "transferred" in (await desk.record(call))["end_reason"]


@case("transfer-refused", "a refused REFER: the bot talks on", "RFC 3515 2.4.2", wait_s=5)
async def transfer_refused(desk: Desk) -> None:
    call = await desk.up("1102")
    call.answers["REFER"] = lambda refer: call.reply(refer, 603, "Declined")
    call.media.speak()
    await call.media.drained()
    await call.asked("REFER", 6.0)
    await _taken_back(call, time.monotonic() + 0.5)


@case("transfer-unanswered", "nobody answers there: the bot takes the caller back",
      "RFC 3515 2.4.5", wait_s=5)  # fmt: skip
async def transfer_unanswered(desk: Desk) -> None:
    call, _ = await _asked(desk, "1103")
    await call.media.quiet(0.3)
    failed = time.monotonic()
    busy = await call.transact(call.notify(480, "Temporarily Unavailable"))
    assert busy.status == 200, busy.first
    await _taken_back(call, failed)


@case("lost-refer", "an unanswered REFER is sent again", "RFC 3261 17.1.2.2", wait_s=6)
async def lost_refer(desk: Desk) -> None:
    call = await desk.call("1104")
    call.answers["REFER"] = None
    await call.dial()
    await call.media.speech()
    await call.media.quiet()
    call.media.speak()
    await call.media.drained()
    first = await call.asked("REFER", 6.0)
    await asyncio.sleep(1.8)
    again = call.all("REFER")
    assert len(again) >= 3, f"{len(again)} REFERs in 1.8 s"
    assert {each.get("via") for _, each in again} == {first.get("via")}, "not the same request"
    call.agent.send(call.reply(first, 202, "Accepted"))
    await call.transact(call.notify(200, "OK"))
    await call.asked("BYE", 6.0)


@case("refer-in", "nobody makes the bot dial: REFER is refused, the call goes on", "RFC 3515 2.4.2")
async def refer_in(desk: Desk) -> None:
    call = await desk.up()
    headers = [("refer-to", f"<{SALES}>"), ("referred-by", call.from_)]
    final = await call.transact(call.request("REFER", headers))
    assert 400 <= final.status < 700, final.first
    assert await call.media.flow(0.3) and not call.ended


# ---- timers and UPDATE --------------------------------------------------------------------------

TIMER = [("supported", "timer")]


@case("timer-by-peer", "a session that the caller refreshes stays up", "RFC 4028 9", wait_s=3)
async def timer_by_peer(desk: Desk) -> None:
    call = await desk.call()
    headers = [*TIMER, ("session-expires", "90;refresher=uac")]
    final = await call.dial(headers=headers)
    assert "refresher=uac" in final.get("session-expires"), final.get("session-expires")
    assert "timer" in final.get("require"), "RFC 4028 asks for Require: timer"
    update = call.request("UPDATE", [*TIMER, ("session-expires", "90;refresher=uac")])
    refreshed = await call.transact(update)
    assert refreshed.status == 200 and refreshed.get("session-expires"), refreshed.first
    assert (await call.dial(headers=headers)).get("session-expires")
    assert await call.media.flow(0.3)


@case("timer-too-small", "an interval below Min-SE is refused with 422", "RFC 4028 6")
async def timer_too_small(desk: Desk) -> None:
    call = await desk.call()
    final = await call.invite(headers=[*TIMER, ("session-expires", "30;refresher=uac")])
    assert final.status == 422 and int(final.get("min-se").split(";")[0]) >= 90, final.first


@case("timer-by-us", "a session that we are to refresh is refreshed at half its time",
      "RFC 4028 10", wait_s=48)  # fmt: skip
async def timer_by_us(desk: Desk) -> None:
    call = await desk.call()
    final = await call.dial(headers=[*TIMER, ("session-expires", "90;refresher=uas")])
    assert "refresher=uas" in final.get("session-expires"), final.get("session-expires")
    await call.wait(lambda m: not m.status and m.method in ("UPDATE", "INVITE"), 50.0)
    assert not call.ended and await call.media.flow(0.3)


@case("timer-expires", "a session that nobody refreshes ends by our BYE", "RFC 4028 10", wait_s=92)
async def timer_expires(desk: Desk) -> None:
    call = await desk.call()
    await call.dial(headers=[*TIMER, ("session-expires", "90;refresher=uac")])
    await call.asked("BYE", 92.0)
    took = time.monotonic() - call.answered_at
    assert 55 < took < 91, f"after {took:.0f} s"


@case("update", "UPDATE with an offer is answered", "RFC 3311 5.2", wait_s=3)
async def update(desk: Desk) -> None:
    call = await desk.up()
    final = await call.transact(call.request("UPDATE", body=sdp(call.media.port, ("PCMA",))))
    assert final.status == 200 and "m=audio" in final.body, final.first
    call.hear(final.body)
    await asyncio.sleep(0.3)
    assert (await call.media.flow(0.3))[-1].kind == 8


@case("prack", "provisional responses are reliable where that is required", "RFC 3262 3", wait_s=4)
async def prack(desk: Desk) -> None:
    call = await desk.call("1003")
    invite = call.request("INVITE", [("require", "100rel"), ("supported", "100rel")], call.offer())
    call.agent.send(invite)
    ringing = await call.response(invite, 3.0, 180)
    assert ringing.status in (180, 183), ringing.first
    assert ringing.get("rseq"), "no RSeq"
    call.to = ringing.get("to")
    rack = f"{ringing.get('rseq')} {ringing.get('cseq')}"
    assert (await call.transact(call.request("PRACK", [("rack", rack)]))).status == 200
    final = await call.response(invite, 6.0)
    call.remote, call.up = uri_of(final.get("contact")), True
    call.ack(invite)
    assert final.status == 200, final.first
