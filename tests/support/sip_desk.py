"""A SIP endpoint in this process and the calls that ring at it, without the rest of the bot."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Self

from bot.audio.frame import silence
from bot.legs.sip import SipEndpoint, SipLeg, SipSettings
from tests.support.ports import free_udp_range
from tests.support.ticks import caught_up
from tests.support.wire import WireCall, WirePhone


class Desk:
    """An endpoint and the calls that ring at it."""

    def __init__(self, **settings: Any) -> None:
        self.rung: asyncio.Queue[SipLeg] = asyncio.Queue()
        given = {"bind": "127.0.0.1:0", "rtp_port": free_udp_range(400)} | settings
        self.endpoint = SipEndpoint(SipSettings(**given), self.rung.put_nowait)

    async def __aenter__(self) -> Self:
        await self.endpoint.start()
        self.address = ("127.0.0.1", self.endpoint.port)
        self.uri = f"sip:1000@127.0.0.1:{self.endpoint.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.endpoint.close()

    async def next(self) -> SipLeg:
        return await asyncio.wait_for(self.rung.get(), 5)

    async def talk_to_itself(self) -> tuple[SipLeg, SipLeg]:
        phone = await self.endpoint.dial(self.uri)
        bot = await self.next()
        await bot.answer()
        await phone.answered(5)
        return phone, bot

    async def answer(self, phone: WirePhone, **how: Any) -> tuple[WireCall, SipLeg]:
        """A call of the phone's, taken."""
        dialling = asyncio.ensure_future(phone.dial("1000", **how))
        leg = await self.next()
        await leg.answer()
        return await dialling, leg

    async def as_owner(self, leg: SipLeg, act: Any) -> None:
        """Something a phone can do and a bot's leg has no method for."""
        calls = self.endpoint._stack.calls
        await self.endpoint._thread.do(lambda: act(calls[leg.serial]))


async def until(leg: SipLeg, seen: Any, frames: int = 150) -> list[Any]:
    """Events of the leg until one satisfies `seen`."""
    await caught_up(leg)
    found: list[Any] = []
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for _ in ticks:
            leg.write(silence())
            found += leg.events()
            frames -= 1
            if any(seen(event) for event in found) or not frames:
                break
    return found
