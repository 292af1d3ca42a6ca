"""Lost packets, strange routes, rude callers."""

from __future__ import annotations

import asyncio
import itertools
import time

from tests.sip.conformance.agent import Call
from tests.sip.conformance.desk import GOODBYES, WATCHDOG_S, Desk
from tests.sip.conformance.table import case
from tests.support.sip_message import Message, uri_of

# ---- lost messages ------------------------------------------------------------------------------


@case("cancel", "CANCEL while it rings: 200, 487, and the record says so", "RFC 3261 9.2")
async def cancel(desk: Desk) -> None:
    call = await desk.call("1003")
    invite = call.request("INVITE", body=call.offer())
    call.agent.send(invite)
    await call.response(invite, 2.0, 180)
    branch = invite.get("via").partition("branch=")[2]
    cancelled = await call.transact(call.request("CANCEL", cseq=invite.cseq, branch=branch))
    assert cancelled.status == 200, cancelled.first
    final = await call.response(invite, 2.0)
    assert final.status == 487, final.first
    call.to = final.get("to")
    call.agent.send(call.request("ACK", cseq=invite.cseq, branch=branch))
    record = await desk.record(call)
    assert record["answered"] is None and record["end_reason"] == "cancelled"


@case(
    "lost-ack", "without ACK the 200 is sent again, with it no more", "RFC 3261 13.3.1.4", wait_s=6
)
async def lost_ack(desk: Desk) -> None:
    call = await desk.call()
    final = await call.dial(ack=False)

    def oks() -> int:
        return sum(m.status == 200 and m.method == "INVITE" for _, m in call.received)

    await asyncio.sleep(2.0)
    assert oks() >= 3, f"{oks()} times 200 in 2 s"
    await call.media.speech()
    assert call.invited is not None and final.status == 200
    call.ack(call.invited)
    await asyncio.sleep(0.2)
    before = oks()
    await asyncio.sleep(2.5)
    assert oks() == before, "the 200 is sent in spite of the ACK"
    assert not call.ended


@case("no-ack", "a call that is never acknowledged ends by our BYE", "RFC 3261 13.3.1.4", wait_s=34)
async def no_ack(desk: Desk) -> None:
    call = await desk.call()
    await call.dial(ack=False)
    await call.asked("BYE", 36.0)
    record = await desk.record(call)
    assert record["ended"]


@case("repeated-invite", "an INVITE that comes three times is one call", "RFC 3261 17.2.1")
async def repeated_invite(desk: Desk) -> None:
    call = await desk.call()
    invite = call.request("INVITE", body=call.offer())
    for _ in range(3):
        call.agent.send(invite)
    final = await call.response(invite, 3.0)
    call.to, call.remote, call.up = final.get("to"), uri_of(final.get("contact")), True
    call.invited = invite
    call.hear(final.body)
    call.ack(invite)
    await call.media.speech()
    await call.bye()
    await desk.record(call)
    rows = desk.bot.rows("SELECT id FROM calls WHERE leg_id = ?", call.call_id)
    assert len(rows) == 1, f"{len(rows)} records"
    tags = {m.get("to") for _, m in call.received if m.status >= 200 and m.method == "INVITE"}
    assert len(tags) == 1, tags


@case("repeated-bye", "a BYE that comes again is answered again", "RFC 3261 17.2.2")
async def repeated_bye(desk: Desk) -> None:
    call = await desk.up()
    bye = call.request("BYE")
    call.ended = True
    assert (await call.transact(bye)).status == 200
    seen = len(call.received)
    call.agent.send(bye)
    await asyncio.sleep(0.3)
    again = [m for _, m in call.received[seen:] if m.method == "BYE"]
    assert [m.status for m in again] == [200], again


async def _leaves(desk: Desk, call: Call) -> Message:
    """The bot's own BYE."""
    await call.media.speech()
    await call.media.quiet()
    call.media.speak()
    await call.media.drained()
    return await call.asked("BYE", 8.0)


@case("lost-bye", "an unanswered BYE of ours is sent again", "RFC 3261 17.1.2.2", wait_s=7)
async def lost_bye(desk: Desk) -> None:
    call = await desk.call(GOODBYES[0])
    call.answers["BYE"] = None
    await call.dial()
    first = await _leaves(desk, call)
    await asyncio.sleep(1.8)
    byes = call.all("BYE")
    assert len(byes) >= 3, f"{len(byes)} BYEs in 1.8 s"
    call.agent.send(call.reply(first, 200, "OK"))
    await asyncio.sleep(0.2)
    before = len(call.all("BYE"))
    await asyncio.sleep(1.2)
    assert len(call.all("BYE")) == before, "the BYE is sent in spite of its 200"


# ---- routes and forms ---------------------------------------------------------------------------


@case("record-route", "our requests go the way the proxies wrote down", "RFC 3261 12.1.1", wait_s=5)
async def record_route(desk: Desk) -> None:
    call = await desk.call(GOODBYES[1])
    host = f"127.0.0.1:{call.agent.port}"
    routes = [f"<sip:near@{host};lr>", f"<sip:far@{host};lr>"]
    final = await call.dial(headers=[("record-route", each) for each in routes])
    assert ", ".join(final.all("record-route")) == ", ".join(routes), "not echoed in order"
    call.routes = []
    bye = await _leaves(desk, call)
    told = ", ".join(bye.all("route")).replace(" ", "")
    assert told == ",".join(routes), told
    assert bye.first.split()[1] == uri_of(call.agent.contact), bye.first


@case("vias", "every Via comes back, in its order", "RFC 3261 8.2.6.2")
async def vias(desk: Desk) -> None:
    call = await desk.call()
    call.vias = [
        "SIP/2.0/TCP edge.example.com:5080;branch=z9hG4bKedge",
        "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKphone",
    ]
    final = await call.dial()
    told = [via.strip() for line in final.all("via") for via in line.split(",")]
    assert told[1:] == call.vias, told
    assert f"rport={call.agent.port}" in told[0] and "received=127.0.0.1" in told[0], told[0]
    call.vias = []


def _compact(request: Message) -> bytes:
    """The same request with short names and folded lines."""
    short = {"via": "v", "from": "f", "to": "t", "call-id": "i", "contact": "m",
             "content-type": "c"}  # fmt: skip
    lines = [request.first]
    for name, value in request.headers:
        lines.append(f"{short.get(name, name)} :\r\n {value.replace(';tag', ' ;tag')}")
    body = request.body.encode()
    return "\r\n".join([*lines, f"l : {len(body)}", "", ""]).encode() + body


@case("compact", "short names, folded lines, blanks before colons", "RFC 3261 7.3.1")
async def compact(desk: Desk) -> None:
    call = await desk.call()
    invite = call.request("INVITE", body=call.offer())
    call.agent.send(_compact(invite))
    final = await call.response(invite, 4.0)
    assert final.status == 200, final.first
    call.to, call.remote, call.up = final.get("to"), uri_of(final.get("contact")), True
    call.hear(final.body)
    call.ack(invite)
    await call.media.speech()
    await call.bye()
    record = await desk.record(call)
    told = (record["caller"], record["called"])
    assert told == ("4930555", "1000"), told


@case("large", "an INVITE of 4 kB over UDP", "RFC 3261 18.1.1")
async def large(desk: Desk) -> None:
    call = await desk.call()
    more = [f"a=x-filler:{number:04} {'x' * 60}" for number in range(40)]
    final = await call.dial(call.offer(more=more), [("x-carrier", "y" * 800)])
    assert len(call.offer(more=more)) > 2800 and final.status == 200
    await call.media.speech()


@case("tcp", "a whole call over TCP", "RFC 3261 18.2.2", wait_s=4)
async def tcp(desk: Desk) -> None:
    call = await desk.up(transport="TCP")
    call.media.speak()
    await call.media.speech(after=call.media.received[-1].at)
    assert (await call.bye()).status == 200


@case("tls", "a whole call over TLS, which Kamailio ends", "RFC 3261 26.2.1", wait_s=8)
async def tls(desk: Desk) -> None:
    async with desk.behind_tls() as agent:
        call = await agent.call("1000")
        await call.dial()
        await call.media.speech()
        assert (await call.bye()).status == 200
    assert (await desk.record(call))["end_reason"] == "caller hung up"


@case("early-media", "ringback in a 183, heard before the answer", "RFC 3960 3.1", wait_s=4)
async def early_media(desk: Desk) -> None:
    call = await desk.call("1004")
    await call.dial()
    assert any(message.status == 183 and message.body for _, message in call.received)
    tone = await call.media.speech()
    assert tone.at < call.answered_at, "nothing was heard before the answer"
    await call.bye()


# ---- RTP ----------------------------------------------------------------------------------------


async def _understood(call: Call, seconds: float = 1.0) -> None:
    """Say something; the bot answers."""
    begun = call.media.received[-1].at
    call.media.speak(seconds)
    await call.media.drained()
    await call.media.speech(timeout=6.0, after=begun)


@case("rtp-moves", "a caller whose port changes is still heard, and hears us", "RFC 4961", wait_s=5)
async def rtp_moves(desk: Desk) -> None:
    call = await desk.up()
    await call.media.move()
    begun = time.monotonic()
    await asyncio.sleep(0.6)
    assert [p for p in call.media.received if p.at > begun], "nothing comes to the new port"
    await _understood(call)


@case("rtp-stops", "a caller whose packets stop is hung up on", "RFC 3550 6.3.5", wait_s=10)
async def rtp_stops(desk: Desk) -> None:
    call = await desk.up()
    call.media.stop()
    stopped = time.monotonic()
    await call.asked("BYE", WATCHDOG_S + 5)
    assert time.monotonic() - stopped > WATCHDOG_S - 1.5, "too soon"


@case("loss", "5 % lost and 60 ms of jitter: the caller is understood", "RFC 3550 6.4.1", wait_s=5)
async def loss(desk: Desk) -> None:
    call = await desk.up()
    call.media.loss, call.media.jitter_s = 0.05, 0.06
    await _understood(call, 1.5)
    call.media.jitter_s = 0.0
    assert not call.ended


@case("dtx", "a caller who sends nothing between words is understood", "RFC 3551 4.1", wait_s=5)
async def dtx(desk: Desk) -> None:
    call = await desk.up()
    call.media.silent = True
    await asyncio.sleep(1.0)
    await _understood(call)
    assert not call.ended


@case("steady", "packets leave every 20 ms, speech or not", "RFC 3551 4.2", wait_s=4)
async def steady(desk: Desk) -> None:
    call = await desk.up()
    packets = await call.media.flow(1.5)
    steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)}
    assert steps == {160}, f"steps of the RTP clock: {steps}"
    assert 65 <= len(packets) <= 85, f"{len(packets)} packets in 1.5 s"


@case("new-offer-port", "a re-INVITE moves the audio to another port", "RFC 3264 8.3.1", wait_s=4)
async def new_port(desk: Desk) -> None:
    call = await desk.up()
    call.media.stop()
    call.media = (await call.agent.call("1000")).media
    await call.dial()
    await call.media.quiet(0.2)
    assert await call.media.flow(0.4), "nothing comes to the port that was named"
