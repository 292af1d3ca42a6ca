"""A SIP party that is called, on raw UDP: rings, answers, and keeps the INVITE it got."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.sip_message import Message, answered, offer, parse, response_to, tag_of, uri_of
from tests.support.sip_wire import WireCall, WirePhone


class WireCallee(WirePhone):
    """Answers each INVITE with `status`; `called` hands out the calls that were answered."""

    def __init__(self, target: tuple[str, int], *, status: int = 200, port: int = 0) -> None:
        super().__init__(target)
        self.port = port
        self.answers_with = status
        self.called: asyncio.Queue[WireCall] = asyncio.Queue()
        self.invites: list[Message] = []
        self._answering: dict[str, asyncio.Task[None]] = {}

    async def next_call(self, timeout: float = 10.0) -> WireCall:
        return await asyncio.wait_for(self.called.get(), timeout)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        message = parse(data)
        if message is None or message.status or message.method != "INVITE":
            if message is not None and message.method == "ACK":
                task = self._answering.get(message.get("call-id"))
                if task is not None:
                    task.cancel()
            super().datagram_received(data, addr)
        elif message.get("call-id") not in self._answering:
            self.invites.append(message)
            task = asyncio.ensure_future(self._answer(message))
            self._answering[message.get("call-id")] = task

    async def _answer(self, invite: Message) -> None:
        """200 again and again until the ACK comes, which cancels this."""
        call = WireCall(self, "", "", await self.media.open(self.host))
        ringing = response_to(invite, 180, "Ringing", tag_of(call.from_), self.contact)
        self.send(ringing)
        final = response_to(invite, self.answers_with, "So Be It", tag_of(call.from_), self.contact)
        if self.answers_with < 300:
            call.call_id = invite.get("call-id")
            call.from_, call.to = final.get("to"), invite.get("from")
            call.remote = uri_of(invite.get("contact"))
            call.routes = invite.all("record-route")
            call.status = self.answers_with
            self.calls[call.call_id] = call
            where = answered(invite.body)
            final.headers.append(("content-type", "application/sdp"))
            final.body = offer(self.host, call.rtp.port, [where[2]])
            call.rtp.start(*where)
            self.called.put_nowait(call)
        for wait in (0.5, 1, 2, 4):
            self.send(final)
            await asyncio.sleep(wait)
