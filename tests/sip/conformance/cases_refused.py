"""Who is turned away, and how."""

from __future__ import annotations

from tests.sip.conformance.agent import Headers
from tests.sip.conformance.desk import Desk
from tests.sip.conformance.table import case
from tests.support.sip_message import Message


async def _final(desk: Desk, number: str, caller: str = "4930555") -> Message:
    call = await desk.call(number, caller=caller)
    return await call.invite()


@case("unknown-number", "a number nobody has: 404", "RFC 3261 21.4.5")
async def unknown_number(desk: Desk) -> None:
    assert (await _final(desk, "7777")).status == 404


@case("other-caller", "a number that is for others only: 404", "RFC 3261 21.4.5")
async def other_caller(desk: Desk) -> None:
    assert (await _final(desk, "1005", "4420123")).status == 404


@case("refused-caller", "a refusal by dialplan, with its own code", "RFC 3261 21.6.2")
async def refused(desk: Desk) -> None:
    assert (await _final(desk, "1603")).status == 603


@case("redirect", "302 by dialplan, with its contact", "RFC 3261 21.3.3")
async def redirect(desk: Desk) -> None:
    final = await _final(desk, "1302")
    assert final.status == 302, final.first
    assert "sip:1000@pbx.example.com" in final.get("contact"), final.get("contact")


@case(
    "busy", "the fifth call at once: 486, the four stay up", "RFC 3261 21.4.21", lines=4, wait_s=3
)
async def busy(desk: Desk) -> None:
    calls = [await desk.call() for _ in range(4)]
    for call in calls:
        await call.dial()
    final = await _final(desk, "1000")
    assert final.status == 486, final.first
    for call in calls:
        assert await call.media.flow(0.1) and not call.ended


@case("anonymous", "a withheld number is no number", "RFC 3323 4.1")
async def anonymous(desk: Desk) -> None:
    call = await desk.call()
    call.from_ = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=4475'
    await call.dial(headers=[("privacy", "id")])
    await call.media.speech()
    await call.bye()
    assert not (await desk.record(call))["caller"]


async def _lone(desk: Desk, method: str, headers: Headers = (), body: str = "") -> Message:
    """A request outside a call."""
    call = await desk.call()
    return await call.transact(call.request(method, headers, body))


@case("options", "OPTIONS is answered like an INVITE would be", "RFC 3261 11.2")
async def options(desk: Desk) -> None:
    final = await _lone(desk, "OPTIONS")
    assert final.status == 200, final.first
    assert "INVITE" in final.get("allow"), final.get("allow")


@case("message", "MESSAGE is refused", "RFC 3428 7")
async def message(desk: Desk) -> None:
    final = await _lone(desk, "MESSAGE", [("content-type", "text/plain")], "hello")
    assert final.status in (405, 415, 488, 501, 603), final.first


@case("subscribe", "SUBSCRIBE is refused", "RFC 6665 4.2.1")
async def subscribe(desk: Desk) -> None:
    final = await _lone(desk, "SUBSCRIBE", [("event", "presence"), ("expires", "600")])
    assert final.status in (403, 405, 489, 501, 603), final.first


@case("register", "REGISTER is refused: nobody registers with a bot", "RFC 3261 21.4.6")
async def register(desk: Desk) -> None:
    final = await _lone(desk, "REGISTER", [("expires", "600")])
    assert final.status in (403, 404, 405, 501), final.first


@case("unknown-method", "a method nobody knows: 405 or 501, with Allow", "RFC 3261 8.2.1")
async def unknown_method(desk: Desk) -> None:
    final = await _lone(desk, "BREW")
    assert final.status in (405, 501), final.first
    assert final.status == 501 or "INVITE" in final.get("allow"), "no Allow"


@case("unknown-extension", "an extension that is required and unknown: 420", "RFC 3261 8.2.2.3")
async def unknown_extension(desk: Desk) -> None:
    call = await desk.call()
    final = await call.invite(headers=[("require", "x-telepathy")])
    assert final.status == 420 and "x-telepathy" in final.get("unsupported"), final.first


@case("no-dialog", "BYE for a call that does not exist: 481", "RFC 3261 15.1.2")
async def no_dialog(desk: Desk) -> None:
    call = await desk.call()
    call.to += ";tag=nobody"
    final = await call.transact(call.request("BYE"))
    assert final.status == 481, final.first


@case("old-cseq", "a request of the past is refused, the call goes on", "RFC 3261 12.2.2")
async def old_cseq(desk: Desk) -> None:
    call = await desk.up()
    call.cseq += 5
    await call.dial()
    final = await call.transact(call.request("INFO", cseq=2))
    assert final.status in (400, 500), final.first
    assert await call.media.flow(0.3) and not call.ended


@case("body-type", "an INVITE whose body is no SDP: 415", "RFC 3261 8.2.3")
async def body_type(desk: Desk) -> None:
    call = await desk.call()
    final = await call.invite("hello", [("content-type", "text/plain")])
    assert final.status in (400, 415, 488), final.first
