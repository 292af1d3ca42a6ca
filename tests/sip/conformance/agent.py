"""A scripted SIP user agent: it does what a case says and nothing by itself but what RFC 3261 asks
of everybody: it repeats unanswered requests over UDP, acknowledges, answers.

    agent = await Agent.open(target)
    call = await agent.call("1000")
    answer = await call.invite()
    await call.bye()
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from tests.sip.conformance.media import KINDS, Media
from tests.sip.conformance.sdp import audio_at, sdp
from tests.support.sip_message import Message, parse, response_to, tag_of, uri_of

T1 = 0.5  # RFC 3261 section 17.1.1.1
Headers = Sequence[tuple[str, str]]
Answer = Callable[[Message], Message | None]


class Agent(asyncio.DatagramProtocol):
    """A SIP address of a caller, on UDP or on one TCP or TLS connection."""

    def __init__(self, target: tuple[str, int], transport: str) -> None:
        self.target, self.transport = target, transport
        self.port = 0
        self.calls: dict[str, Call] = {}
        self._media: list[Media] = []
        self._udp: Any = None
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        target: tuple[str, int],
        transport: str = "UDP",
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> Agent:
        """`host` is where it sends from; what it writes of itself stays 127.0.0.1."""
        made = cls(target, transport)
        if transport != "UDP":
            reader, made._tcp = await asyncio.open_connection(*target, ssl=tls)
            made.port = made._tcp.get_extra_info("sockname")[1]
            made._reader = asyncio.get_running_loop().create_task(made._read(reader))
        else:
            loop = asyncio.get_running_loop()
            made._udp, _ = await loop.create_datagram_endpoint(lambda: made, local_addr=(host, 0))
            made.port = made._udp.get_extra_info("sockname")[1]
        return made

    @property
    def contact(self) -> str:
        tail = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        return f"<sip:scripted@127.0.0.1:{self.port}{tail}>"

    async def call(self, number: str, caller: str = "4930555") -> Call:
        """A call that has not been made yet."""
        media = await Media.open()
        self._media.append(media)
        made = Call(self, number, caller, media)
        self.calls[made.call_id] = made
        return made

    async def close(self) -> None:
        """Hang up what a case left, and go."""
        for call in self.calls.values():
            if call.up and not call.ended:
                with contextlib.suppress(TimeoutError):
                    await call.bye(timeout=1.0)
        for media in self._media:
            media.close()
        if self._reader is not None:
            self._reader.cancel()
            self._tcp.close()
        else:
            self._udp.close()

    def send(self, data: Message | bytes) -> None:
        raw = data if isinstance(data, bytes) else data.encode()
        if self.transport != "UDP":
            self._tcp.write(raw)
        else:
            self._udp.sendto(raw, self.target)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = parse(data)
        call = self.calls.get(message.get("call-id")) if message else None
        if message and call:
            call.take(message)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            length = 0
            for line in head.decode().splitlines():
                name, _, value = line.partition(":")
                if name.strip().lower() in ("content-length", "l"):
                    length = int(value)
            self.datagram_received(head.lstrip() + await reader.readexactly(length), None)


class Call:
    """One call, or one dialog-less request after another, under one Call-ID."""

    def __init__(self, agent: Agent, number: str, caller: str, media: Media) -> None:
        self.agent, self.number, self.media = agent, number, media
        host, port = agent.target
        self.call_id = f"{uuid.uuid4().hex}@127.0.0.1"
        self.remote = f"sip:{number}@{host}:{port}"
        self.from_ = f"<sip:{caller}@127.0.0.1:{agent.port}>;tag={uuid.uuid4().hex[:8]}"
        self.to = f"<{self.remote}>"
        self.routes: list[str] = []
        self.vias: list[str] = []  # below our own
        self.codecs: tuple[str, ...] = ("PCMU",)
        self.cseq = 0
        self.received: list[tuple[float, Message]] = []
        self.answers: dict[str, Answer | None] = {}  # method → what to answer, None: not at all
        self.invited: Message | None = None
        self.acked: Message | None = None
        self.up = self.ended = False
        self.answered_at = 0.0
        self._news = asyncio.Event()

    # ---- requests -----------------------------------------------------------------------------

    def request(
        self, method: str, headers: Headers = (), body: str = "", *, cseq: int = 0, branch: str = ""
    ) -> Message:
        """A request of this dialog; it takes the next CSeq unless told one."""
        if not cseq:
            self.cseq += 1
        agent = self.agent
        branch = branch or "z9hG4bK" + uuid.uuid4().hex
        via = f"SIP/2.0/{agent.transport} 127.0.0.1:{agent.port};rport;branch={branch}"
        lines = [
            ("via", via),
            *(("via", each) for each in self.vias),
            ("max-forwards", "70"),
            ("from", self.from_),
            ("to", self.to),
            ("call-id", self.call_id),
            ("cseq", f"{cseq or self.cseq} {method}"),
            ("contact", agent.contact),
            *(("route", route) for route in self.routes),
            *headers,
        ]
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            lines.append(("content-type", "application/sdp"))
        return Message(f"{method} {self.remote} SIP/2.0", lines, body)

    async def transact(self, request: Message, timeout: float = 5.0) -> Message:
        """Send until a final response has come. TimeoutError when none does."""
        wait, until = T1, time.monotonic() + timeout
        while True:
            self.agent.send(request)
            step = wait if self.agent.transport == "UDP" else timeout
            try:
                return await self.response(request, min(step, max(0.01, until - time.monotonic())))
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
            wait = min(4.0, wait * 2)

    async def response(self, request: Message, timeout: float, least: int = 200) -> Message:
        """The response to it with this status or a higher one."""

        def fits(message: Message) -> bool:
            same = (message.cseq, message.method) == (request.cseq, request.method)
            return message.status >= least and same

        return await self.wait(fits, timeout)

    async def wait(
        self, fits: Callable[[Message], bool], timeout: float = 5.0, after: float = 0.0
    ) -> Message:
        """The first message that fits, come or to come. TimeoutError when there is none."""
        async with asyncio.timeout(timeout):
            while True:
                for at, message in self.received:
                    if at > after and fits(message):
                        return message
                self._news.clear()
                await self._news.wait()

    async def asked(self, method: str, timeout: float = 5.0, after: float = 0.0) -> Message:
        """Wait for a request of the bot."""
        return await self.wait(lambda m: not m.status and m.method == method, timeout, after)

    def all(self, method: str) -> list[tuple[float, Message]]:
        """Every request of the bot with this method, repeated ones too."""
        return [(at, m) for at, m in self.received if not m.status and m.method == method]

    def offer(self, **how: Any) -> str:
        return sdp(self.media.port, self.codecs, **how)

    # ---- a caller's usual ways ------------------------------------------------------------------

    async def invite(
        self,
        body: str | None = None,
        headers: Headers = (),
        *,
        ack: bool = True,
        timeout: float = 8.0,
    ) -> Message:
        """Dial, or change a call that is up; the final response. Audio begins with the answer."""
        request = self.request("INVITE", headers, self.offer() if body is None else body)
        self.invited = request
        final = await self.transact(request, timeout)
        if final.status >= 300:
            branch = request.get("via").partition("branch=")[2]
            self.agent.send(self.request("ACK", cseq=request.cseq, branch=branch))
            self.ended = not self.up
            return final
        if not self.up:
            self.to = final.get("to")
            self.remote = uri_of(final.get("contact"))
            self.routes = final.all("record-route")[::-1]
            self.up, self.answered_at = True, time.monotonic()
        if request.body:
            self.hear(final.body)
        if ack:
            self.ack(request)
        return final

    def hear(self, body: str) -> None:
        """Send audio to where an SDP of the bot says."""
        target, kinds = audio_at(body)
        if kinds and target[1]:
            self.media.start(target, kinds[0])

    def ack(self, request: Message, body: str = "") -> None:
        self.acked = self.request("ACK", cseq=request.cseq, body=body)
        self.agent.send(self.acked)

    async def dial(self, *args: Any, **how: Any) -> Message:
        """Invite and insist on 200."""
        final = await self.invite(*args, **how)
        assert final.status == 200, f"{final.first} instead of 200"
        return final

    async def bye(self, timeout: float = 5.0) -> Message:
        self.ended = True
        self.media.stop()
        return await self.transact(self.request("BYE"), timeout)

    def notify(
        self, code: int, reason: str, state: str = "terminated;reason=noresource"
    ) -> Message:
        """What became of the bot's REFER (RFC 3515)."""
        headers = [
            ("event", "refer"),
            ("subscription-state", state),
            ("content-type", "message/sipfrag;version=2.0"),
        ]
        return self.request("NOTIFY", headers, f"SIP/2.0 {code} {reason}\r\n")

    # ---- what comes ---------------------------------------------------------------------------

    def take(self, message: Message) -> None:
        self.received.append((time.monotonic(), message))
        self._news.set()
        if message.status:
            repeated = message.method == "INVITE" and 200 <= message.status < 300
            if repeated and self.acked and message.cseq == self.acked.cseq:
                self.agent.send(self.acked)
            return
        method = message.method
        if method == "BYE":
            self.ended = True
        answer = self.answers.get(method, self._answer) if method != "ACK" else None
        told = answer(message) if answer else None
        if told:
            self.agent.send(told)

    def reply(self, request: Message, status: int, reason: str, body: str = "") -> Message:
        told = response_to(request, status, reason, tag_of(self.from_), self.agent.contact)
        told.body = body
        if body:
            told.headers.append(("content-type", "application/sdp"))
        return told

    def _answer(self, request: Message) -> Message:
        status = (202, "Accepted") if request.method == "REFER" else (200, "OK")
        agreed = next((name for name, kind in KINDS.items() if kind == self.media.kind), "PCMU")
        body = sdp(self.media.port, [agreed]) if request.body and request.method != "NOTIFY" else ""
        return self.reply(request, *status, body)
