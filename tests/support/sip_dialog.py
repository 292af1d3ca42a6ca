"""What a phone can do in the middle of a call: offers, re-INVITE, UPDATE, any request.

Works on a `WireCall`; kept apart from it, for most tests only call, talk and hang up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.support.rtp_wire import EVENT_TYPE
from tests.support.sip_message import Message
from tests.support.sip_wire import T1, WireCall, WirePhone

PAYLOADS = {"PCMU": 0, "PCMA": 8, "G722": 9}
Headers = Sequence[tuple[str, str]]


def sdp(
    call: WireCall,
    codecs: Sequence[str] = ("PCMU",),
    direction: str = "sendrecv",
    host: str = "",
    version: int = 2,
) -> str:
    """A session description of this call's stream; `host` 0.0.0.0 is the hold of RFC 2543."""
    kinds = " ".join(str(PAYLOADS[name]) for name in codecs)
    lines = [
        "v=0",
        f"o=wire 1 {version} IN IP4 {call.phone.host}",
        "s=-",
        f"c=IN IP4 {host or call.phone.host}",
        "t=0 0",
        f"m=audio {call.rtp.port} RTP/AVP {kinds} {EVENT_TYPE}",
        *(f"a=rtpmap:{PAYLOADS[name]} {name}/8000" for name in codecs),
        f"a=rtpmap:{EVENT_TYPE} telephone-event/8000",
        f"a=fmtp:{EVENT_TYPE} 0-15",
        *([f"a={direction}"] if direction else []),
    ]
    return "\r\n".join([*lines, ""])


async def ask(
    call: WireCall, method: str, body: str = "", headers: Headers = (), timeout: float = 5.0
) -> Message:
    """A request within the dialog, an INVITE with its ACK; the final response."""
    call.cseq += 1
    request = call._request(method)
    request.headers += headers
    if body and not any(name == "content-type" for name, _ in headers):
        request.headers.append(("content-type", "application/sdp"))
    request.body = body
    call.branch = request.get("via").split("branch=")[1].split(";")[0]  # of the ACK to a refusal
    wait = T1
    async with asyncio.timeout(timeout):
        future = call._waiting(request)
        call.phone.send(request)
        while True:
            await asyncio.wait([future], timeout=wait)
            if not future.done():
                wait = min(4.0, wait * 2)
                call.phone.send(request)
            elif future.result().status >= 200:
                return future.result()
            else:  # 100 Trying
                future = call._waiting(request)


async def reinvite(call: WireCall, body: str = "", headers: Headers = ()) -> Message:
    return await ask(call, "INVITE", body, headers)


async def update(call: WireCall, body: str = "", headers: Headers = ()) -> Message:
    return await ask(call, "UPDATE", body, headers)


async def late_offer(call: WireCall, answer: str) -> Message:
    """A re-INVITE without SDP; `answer`, in the ACK, answers the offer in its 200."""
    call.ack_body = answer
    try:
        return await reinvite(call)
    finally:
        call.ack_body = ""


async def ring_without_offer(phone: WirePhone, codecs: Sequence[str]) -> WireCall:
    """An INVITE without SDP on its way; its ACK answers with `codecs`."""
    call = WireCall(phone, "1000", "4930123456", await phone.media.open(phone.host))
    phone.calls[call.call_id] = call
    call.ack_body = sdp(call, codecs)
    request = call._request("INVITE")
    call.branch = request.get("via").split("branch=")[1].split(";")[0]
    call._waiting(request)
    phone.send(request)
    return call


def direction_of(body: str) -> str:
    """What an SDP says of the way audio goes; sendrecv where it says nothing (RFC 4566)."""
    for line in body.splitlines():
        if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"):
            return line[2:]
    return "sendrecv"


def codecs_of(body: str) -> list[str]:
    """Names of the audio codecs of an SDP, best first."""
    media = next(line for line in body.splitlines() if line.startswith("m=audio"))
    names = {str(number): name for name, number in PAYLOADS.items()}
    return [names[kind] for kind in media.split()[3:] if kind in names]
