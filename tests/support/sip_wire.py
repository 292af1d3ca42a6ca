"""A SIP caller of our own on raw UDP, without pjsip: the independent witness of the tests.

async with WirePhone(("127.0.0.1", 5060)) as phone:
    call = await phone.dial("1000")
    await call.quiet(0.6)
    call.rtp.say(pcm)
    await call.hang_up()
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Self

from tests.support.g711 import CODECS
from tests.support.rtp_wire import MediaProcess, RtpStream
from tests.support.sip_message import (
    Message,
    answered,
    offer,
    parse,
    response_to,
    tag_of,
    uri_of,
)

T1 = 0.5  # RFC 3261: first retransmission after 500 ms
ALLOWED = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY, UPDATE"


class WireCall:
    """One call of ours, from the INVITE to the BYE of either side."""

    def __init__(self, phone: WirePhone, number: str, caller: str, rtp: RtpStream) -> None:
        self.phone, self.rtp = phone, rtp
        self.call_id = f"{uuid.uuid4().hex}@{phone.host}"
        self.remote = f"sip:{number}@{phone.target[0]}:{phone.target[1]}"
        self.from_ = f"<sip:{caller}@{phone.host}:{phone.port}>;tag={uuid.uuid4().hex[:8]}"
        self.to = f"<{self.remote}>"
        self.routes: list[str] = []
        self.branch = ""
        self.sdp: Callable[[str], str] = lambda offered: offered
        self.cseq = 1
        self.provisional: list[int] = []
        self.ringing: list[Message] = []  # the same, whole
        self.ack_body = ""  # an SDP answer, where the far side made the offer
        self.status = 0  # final status of the INVITE, 0 while it rings
        self.final_response: Message | None = None
        self.ended_by: str | None = None  # "caller" (we) or "bot" once a BYE was sent or came
        self.requested: list[str] = []  # methods of what the far side asked within the call
        self.scripted: dict[str, list[int]] = {}  # by method, statuses to answer; 0: none
        self.bye_headers: dict[str, str] = {}
        self.referred: asyncio.Queue[str] = asyncio.Queue()  # where the bot transfers us to
        self.invited_at = time.time()
        self.answered_at = 0.0
        self.ended_at = 0.0
        self._early = False
        self._final = asyncio.Event()
        self._ended = asyncio.Event()
        self._answers: dict[tuple[int, str], asyncio.Future[Message]] = {}

    # ---- what a caller does -----------------------------------------------------------------

    async def final(self, timeout: float = 10.0) -> int:
        """Wait for the final response; its status."""
        await asyncio.wait_for(self._final.wait(), timeout)
        return self.status

    async def cancel(self, timeout: float = 5.0) -> int:
        """CANCEL while it rings; the final status of the INVITE (487 when it was in time)."""
        cancel = self._request("CANCEL", branch=self.branch, cseq=self.cseq)
        await self._transact(cancel, timeout)
        return await self.final(timeout)

    async def hang_up(self, timeout: float = 5.0) -> int:
        """BYE unless the call is over; the status of its answer (0: nothing had to be sent)."""
        status = 0
        if self.status and self.status < 300 and not self.ended_by:
            self._over("caller")
            self.cseq += 1
            status = (await self._transact(self._request("BYE"), timeout)).status
        await self.rtp.close()
        return status

    async def ended(self, timeout: float) -> str:
        """Wait until the call is over; by whom."""
        await asyncio.wait_for(self._ended.wait(), timeout)
        return self.ended_by or ""

    async def say(self, pcm: Any) -> None:
        """Speak 8 kHz int16 to its end."""
        self.rtp.say(pcm)
        await self.rtp.drained.wait()

    async def reply(self, after: float, timeout: float = 15.0) -> float:
        """Wait for the bot's first speech packet after `after`; its arrival time."""
        deadline = time.time() + timeout
        while (at := self.rtp.first_speech_heard(after)) is None:
            if time.time() > deadline or self._ended.is_set():
                raise TimeoutError("no speech came" + (": hung up" if self.ended_by else ""))
            await asyncio.sleep(0.02)
        return at

    async def quiet(self, seconds: float = 0.8, after: float = 0.0, timeout: float = 30.0) -> None:
        """Wait until the bot has spoken (after `after`) and then been silent for `seconds`."""
        await self.reply(after, timeout)
        deadline = time.time() + timeout
        while time.time() - (self.rtp.last_speech_heard(after) or 0.0) < seconds:
            if self._ended.is_set():
                return
            if time.time() > deadline:
                raise TimeoutError(f"never silent for {seconds} s")
            await asyncio.sleep(0.02)

    async def transferred(
        self, code: int, reason: str, timeout: float = 5.0, *, final: bool = True, state: str = ""
    ) -> int:
        """Tell the bot what became of its REFER (RFC 3515, a NOTIFY); the status of its answer.
        `state` is another Subscription-State than a correct one."""
        self.cseq += 1
        notify = self._request("NOTIFY")
        notify.headers += [
            ("event", "refer"),
            (
                "subscription-state",
                state or ("terminated;reason=noresource" if final else "active;expires=60"),
            ),
            ("content-type", "message/sipfrag;version=2.0"),
        ]
        notify.body = f"SIP/2.0 {code} {reason}\r\n"
        return (await self._transact(notify, timeout)).status

    async def reinvite(self, change: Callable[[str], str], timeout: float = 5.0) -> Message:
        """Offer ourselves anew within the call, the offer changed; the final answer."""
        self.cseq += 1
        request = self._request("INVITE")
        request.headers.append(("content-type", "application/sdp"))
        offered = offer(self.phone.host, self.rtp.port, [self.rtp.codec])
        request.body = change(self.sdp(offered))
        return await self._transact(request, timeout)

    # ---- the protocol -----------------------------------------------------------------------

    def _request(self, method: str, *, branch: str = "", cseq: int = 0) -> Message:
        phone = self.phone
        branch = branch or "z9hG4bK" + uuid.uuid4().hex
        headers = [
            ("via", f"SIP/2.0/UDP {phone.host}:{phone.port};branch={branch};rport"),
            ("max-forwards", "70"),
            ("from", self.from_),
            ("to", self.to),
            ("call-id", self.call_id),
            ("cseq", f"{cseq or self.cseq} {method}"),
            ("contact", phone.contact),
            ("allow", ALLOWED),
            *(("route", route) for route in self.routes),
        ]
        return Message(f"{method} {self.remote} SIP/2.0", headers)

    async def invite(self, codecs: Sequence[str], headers: Sequence[tuple[str, str]]) -> None:
        request = self._request("INVITE")
        self.branch = request.get("via").split("branch=")[1].split(";")[0]
        request.headers += [("content-type", "application/sdp"), *headers]
        offered = offer(self.phone.host, self.rtp.port, [CODECS[name] for name in codecs])
        request.body = self.sdp(offered.replace("ptime:20", f"ptime:{self.rtp.packet_ms}"))
        self._waiting(request)
        wait = T1
        while True:
            self.phone.send(request)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await asyncio.shield(self._answers[1, "INVITE"])
                return
            wait *= 2
            if wait > 8:
                raise TimeoutError("no response to the INVITE")

    def _waiting(self, request: Message) -> asyncio.Future[Message]:
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[request.cseq, request.method] = future
        return future

    async def _transact(self, request: Message, timeout: float) -> Message:
        """Send a request until it is finally answered. TimeoutError when it never is."""
        future = self._waiting(request)
        wait = T1
        async with asyncio.timeout(timeout):
            while not future.done():
                self.phone.send(request)
                await asyncio.wait([future], timeout=wait)
                wait = min(4.0, wait * 2)
        return future.result()

    def response(self, message: Message) -> None:
        """A response to one of our requests."""
        if message.method == "INVITE":
            self._invite_response(message)
        elif message.status < 200:
            return
        waiting = self._answers.get((message.cseq, message.method))
        if waiting and not waiting.done():
            waiting.set_result(message)

    def _invite_response(self, message: Message) -> None:
        if message.status < 200:
            self.provisional.append(message.status)
            self.ringing.append(message)
            if message.body and not self._early:  # media before the answer
                self._early = True
                self.rtp.start(*answered(message.body))
            return
        self.to = message.get("to") or self.to
        if message.status >= 300:  # the ACK of a refusal belongs to the INVITE's transaction
            self.phone.send(self._request("ACK", branch=self.branch, cseq=message.cseq))
        else:
            self.remote = uri_of(message.get("contact"))
            self.routes = message.all("record-route")[::-1]
            ack = self._request("ACK", cseq=message.cseq)
            if self.ack_body:
                ack.headers.append(("content-type", "application/sdp"))
                ack.body = self.ack_body
            self.phone.send(ack)
        if self._final.is_set():
            return  # a retransmission: the ACK was lost
        self.status, self.final_response = message.status, message
        if message.status < 300:
            self.answered_at = time.time()
            if not self._early:
                self.rtp.start(*answered(message.body))
        else:
            self._over("bot")
        self._final.set()

    def request(self, message: Message) -> None:
        """A request of the far side within our call."""
        if message.method == "ACK":
            return
        self.requested.append(message.method)
        answer = response_to(message, 200, "OK", tag_of(self.from_), self.phone.contact)
        if statuses := self.scripted.get(message.method):
            if status := statuses.pop(0):
                answer.first = f"SIP/2.0 {status} As Scripted"
                self.phone.send(answer)
            return
        if message.method == "INVITE":
            answer.headers.append(("content-type", "application/sdp"))
            answer.body = offer(self.phone.host, self.rtp.port, [self.rtp.codec])
        elif message.method == "REFER":
            answer.first = "SIP/2.0 202 Accepted"
            self.referred.put_nowait(uri_of(message.get("refer-to")))
        elif message.method == "BYE":
            self.bye_headers = dict(message.headers)
            self._over("bot")
        self.phone.send(answer)

    def _over(self, by: str) -> None:
        if not self.ended_by:
            self.ended_by, self.ended_at = by, time.time()
        self._ended.set()


class WirePhone(asyncio.DatagramProtocol):
    """A UDP socket for SIP and a packet pump; any number of calls at once."""

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.target, self.host, self.port = target, host, 0
        self.calls: dict[str, WireCall] = {}
        self.media = MediaProcess()
        self._options: dict[str, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        self.contact = f"<sip:wire@{self.host}:{self.port}>"
        await self.media.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in self.calls.values():
            with contextlib.suppress(TimeoutError):
                await call.hang_up(timeout=1)
        self._transport.close()
        await self.media.__aexit__()

    async def ring(
        self,
        number: str,
        *,
        caller: str = "4930123456",
        codecs: Sequence[str] = ("PCMU",),
        headers: Sequence[tuple[str, str]] = (),
        packet_ms: int = 20,
        sdp: Callable[[str], str] = lambda offered: offered,
    ) -> WireCall:
        """Send the INVITE; returns at its first response. `sdp` changes what is offered."""
        call = WireCall(self, number, caller, await self.media.open(self.host))
        call.rtp.packet_ms, call.sdp = packet_ms, sdp
        self.calls[call.call_id] = call
        await call.invite(codecs, headers)
        return call

    async def dial(self, number: str, *, timeout: float = 10.0, **how: Any) -> WireCall:
        """Ring and wait for the final response, in `call.status`."""
        call = await self.ring(number, **how)
        await call.final(timeout)
        if call.status >= 300:
            await call.rtp.close()
        return call

    async def options(self, timeout: float = 1.0) -> int:
        """Ask the target whether it is there; its status. TimeoutError when it is not."""
        call_id = uuid.uuid4().hex
        probe = WireCall(self, "ping", "wire", RtpStream(0, self.media))
        probe.call_id = call_id
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._options[call_id] = future
        try:
            self.send(probe._request("OPTIONS"))
            async with asyncio.timeout(timeout):
                return await future
        finally:
            del self._options[call_id]

    def send(self, message: Message) -> None:
        self._transport.sendto(message.encode(), self.target)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        message = parse(data)
        if message is None:
            return
        call_id = message.get("call-id")
        if message.status and call_id in self._options:
            if not self._options[call_id].done():
                self._options[call_id].set_result(message.status)
            return
        call = self.calls.get(call_id)
        if message.status and call:
            call.response(message)
        elif not message.status and call:
            call.request(message)
        elif not message.status and message.method != "ACK":
            known = message.method == "OPTIONS"
            status = (200, "OK") if known else (481, "Call Does Not Exist")
            self.send(response_to(message, *status, "wire", self.contact))

    def error_received(self, exc: Exception) -> None:
        """ICMP port unreachable: the retransmissions and time-outs deal with it."""
