"""Between the INVITE and the answer: turned away, sent elsewhere, or let ring."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from bot.audio.frame import FRAME_S
from bot.audio.tones import ringback
from bot.dialplan import Route
from bot.legs.base import HangUp, Leg

RING_LOOK_S = 0.1  # how often a ringing call is looked at
MOVED = 302


async def turned_away(leg: Leg, route: Route | None) -> str | None:
    """Refuse or redirect as the plan says; why it ended, None when somebody is to answer."""
    if route is None:
        await leg.hang_up(HangUp.NOT_FOUND)
        return "refused: no route"
    if route.reject:
        await leg.refuse(route.reject, route.reason)
        return f"refused: {route.reject} {route.reason}".rstrip()
    if route.redirect:
        await leg.refuse(MOVED, contact=route.redirect)
        return f"redirected to {route.redirect}"
    return None


async def ring(leg: Leg, route: Route, region: str) -> None:
    """As long as the plan says; a caller who gives up ends the wait. Raises LegError.

    `region`: whose ringback tone it is, where the plan wants one to be sent.
    """
    if not (route.early and route.ring_s and await leg.early()):
        await _wait(leg, route.ring_s)
        return
    tone, left = ringback(region), round(route.ring_s / FRAME_S)
    async with aclosing(leg.frames()) as frames:  # type: ignore[type-var]
        async for _ in frames:
            leg.write(next(tone))
            left -= 1
            if not left:
                break
    leg.flush()


async def _wait(leg: Leg, for_s: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + for_s
    while leg.ended is None and (left := until - loop.time()) > 0:
        await asyncio.sleep(min(left, RING_LOOK_S))
