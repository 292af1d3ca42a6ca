"""DTMF, four ways."""

from __future__ import annotations

from tests.sip.conformance.agent import Call
from tests.sip.conformance.desk import Desk
from tests.sip.conformance.table import case

DIGITS = "15*#"


async def _up(desk: Desk) -> Call:
    call = await desk.caller()
    await call.dial()
    await call.media.speech()
    return call


async def _stands(desk: Desk, call: Call, method: str, digits: str = DIGITS) -> None:
    found = await desk.events(call, "digit", len(digits))
    assert "".join(each["digit"] for each in found) == digits, f"noted: {found}"
    methods = {each.get("method", method) for each in found}
    assert methods == {method}, f"noted as {methods}"
    await call.bye()


@case("DTMF: RFC 4733", "telephone-events, each digit once", "RFC 4733 2.5")
async def events(desk: Desk) -> None:
    call = await _up(desk)
    call.media.press(DIGITS)
    await call.media.drained()
    await _stands(desk, call, "rfc4733")


async def info(desk: Desk, kind: str, body: str) -> None:
    call = await _up(desk)
    for digit in DIGITS:
        headers = [("content-type", kind)]
        final = await call.transact(call.request("INFO", headers, body.format(digit=digit)))
        assert final.status == 200, final.first
    await _stands(desk, call, "info")


@case("DTMF: INFO dtmf-relay", "application/dtmf-relay", "RFC 6086, in use by carriers")
async def relay(desk: Desk) -> None:
    await info(desk, "application/dtmf-relay", "Signal={digit}\r\nDuration=160\r\n")


@case("DTMF: INFO dtmf", "application/dtmf, the bare digit", "RFC 6086, in use by carriers")
async def bare(desk: Desk) -> None:
    await info(desk, "application/dtmf", "{digit}")


@case("DTMF: in-band", "tones in the audio of a caller without telephone-event", "ITU-T Q.23",
      wait_s=4)  # fmt: skip
async def inband(desk: Desk) -> None:
    call = await desk.caller()
    lines = [line for line in call.offer().split("\r\n") if "101" not in line.split(" ")[0]]
    await call.dial("\r\n".join(lines).replace("RTP/AVP 0 101", "RTP/AVP 0"))
    await call.media.speech()
    await call.media.quiet()
    call.media.tones(DIGITS)
    await call.media.drained()
    await _stands(desk, call, "inband")


@case("INFO with an unknown body", "415 or 200, and the call goes on", "RFC 6086 4.2.2")
async def unknown_info(desk: Desk) -> None:
    call = await _up(desk)
    headers = [("content-type", "application/x-nobody-knows")]
    final = await call.transact(call.request("INFO", headers, "what?"))
    assert final.status in (200, 415, 469), final.first
    assert len(await call.media.flow(0.3)) > 8, "audio goes on"
    await call.bye()
