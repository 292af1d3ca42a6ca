"""Which codec it is going to be: the first of the caller's that we take (RFC 3264, section 6.1)."""

import asyncio
import re

import pytest

from tests.support.sip_desk import Desk, until
from tests.support.sip_wire import WirePhone

NAMES = {0: "PCMU", 8: "PCMA", 9: "G722"}


def offering(*kinds: int):
    """Makes an offer list these payload types, in this order."""

    def change(sdp: str) -> str:
        maps = "".join(f"a=rtpmap:{kind} {NAMES[kind]}/8000\r\n" for kind in kinds)
        sdp = re.sub(r"a=rtpmap:[089] .*\r\n", "", sdp)
        sdp = re.sub(r"RTP/AVP [089 ]+", f"RTP/AVP {' '.join(map(str, kinds))} ", sdp)
        return sdp.replace("a=ptime", f"{maps}a=ptime")

    return change


@pytest.mark.parametrize("ours", [("PCMU", "PCMA", "G722"), ("G722", "PCMA")])
async def test_the_first_of_the_callers_that_we_take_is_on_the_wire_both_ways(ours):
    async with Desk(codecs=ours) as desk, WirePhone(desk.address) as phone:
        for kinds in ((0, 8, 9), (8, 0, 9), (9, 8, 0), (0, 9, 8)):
            expected = next(kind for kind in kinds if NAMES[kind] in ours)
            dialling = asyncio.ensure_future(phone.dial("1000", sdp=offering(*kinds)))
            leg = await desk.next()
            await leg.answer()
            call = await dialling
            answer = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", call.final_response.body)
            assert answer[1].split() == [str(expected), "101"], "one codec, no choice left open"
            await until(leg, lambda _: False, 15)
            assert leg.info.codec == NAMES[expected]
            assert {packet.payload_type for packet in call.rtp.received} == {expected}
            await call.hang_up()


async def test_our_own_calls_offer_ours_in_our_order():
    async with Desk(codecs=("PCMA", "G722", "PCMU")) as desk:
        await desk.endpoint.dial(desk.uri)
        leg = await desk.next()
        offered = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", await offer_of(desk, leg))
        assert offered[1].split()[:3] == ["8", "9", "0"]


async def offer_of(desk: Desk, leg) -> str:
    found: list[str] = []
    await desk.as_owner(leg, lambda call: found.append(call.offer.decode()))
    return found[0]
