"""Hold in its three forms (RFC 3264 section 8.4), and back."""

from __future__ import annotations

import asyncio
import time

from tests.sip.conformance.desk import Desk
from tests.sip.conformance.sdp import way_of
from tests.sip.conformance.table import case

ON_THE_WAY_S = 0.15  # of what was sent before the answer


async def held(desk: Desk, answers: set[str], *, method: str = "INVITE", **how: str) -> None:
    """Held, the bot is silent and does not listen; taken back, it speaks."""
    call = await desk.caller()
    await call.dial()
    await call.media.speech()
    if method == "UPDATE":
        final = await call.transact(call.request("UPDATE", body=call.offer(**how)))
        assert final.status == 200, final.first
    else:
        final = await call.dial(call.offer(**how))
    assert way_of(final.body) in answers, f"answered {way_of(final.body)}"
    await asyncio.sleep(ON_THE_WAY_S)
    if how.get("way") != "inactive":
        call.media.speak(0.6)  # music on hold
    loud = [packet for packet in await call.media.flow(0.8) if packet.loud]
    assert not loud, f"{len(loud)} packets with speech while on hold"
    back = time.monotonic()
    final = await call.dial(call.offer())
    assert way_of(final.body) == "sendrecv", f"taken back with {way_of(final.body)}"
    await call.media.speech(after=back)
    await call.bye()
    record = await desk.record(call)
    assert "caller" in record["end_reason"], record["end_reason"]
    heard = await desk.events(call, "transcript", 1, 0.2)
    assert not heard, "hold music was transcribed"


@case("hold: sendonly", "answered recvonly, silence, and back", "RFC 3264 8.4", wait_s=4)
async def sendonly(desk: Desk) -> None:
    await held(desk, {"recvonly", "inactive"}, way="sendonly")


@case("hold: inactive", "answered inactive, silence, and back", "RFC 3264 8.4", wait_s=4)
async def inactive(desk: Desk) -> None:
    await held(desk, {"inactive"}, way="inactive")


@case("hold: c=0.0.0.0", "the old form of RFC 2543, silence, and back", "RFC 3264 8.4", wait_s=4)
async def zero(desk: Desk) -> None:
    await held(desk, {"recvonly", "inactive", "sendrecv"}, address="0.0.0.0")


@case("hold by UPDATE", "the same by UPDATE with SDP", "RFC 3311 5.2", wait_s=4)
async def by_update(desk: Desk) -> None:
    await held(desk, {"recvonly", "inactive"}, method="UPDATE", way="sendonly")
