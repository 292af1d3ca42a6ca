"""Between the INVITE and the answer: turned away, sent elsewhere, or let ring."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from itertools import chain
from math import ceil

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Frame, Samples
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


async def ring(leg: Leg, route: Route, region: str, prompt: Samples | None) -> None:
    """As long as the plan says; a caller who gives up ends the wait. Raises LegError.

    `region`: whose ringback tone it is, where the plan wants one to be sent; `prompt`: what it
    wants to be said before it, None when there is nothing or it could not be spoken.
    """
    seconds = max(route.ring_s, len(prompt) / BUS_HZ if prompt is not None else 0.0)
    if not (route.early and seconds and await leg.early()):
        await _wait(leg, route.ring_s)
        return
    sound = chain(_framed(prompt), ringback(region))
    left = ceil(seconds / FRAME_S)
    async with aclosing(leg.frames()) as frames:  # type: ignore[type-var]
        async for _ in frames:
            if not left:
                break
            leg.write(next(sound))
            left -= 1


def _framed(prompt: Samples | None) -> Iterator[Frame]:
    if prompt is not None:
        whole = np.pad(prompt, (0, -len(prompt) % FRAME_SAMPLES))
        yield from whole.reshape(-1, FRAME_SAMPLES)


async def _wait(leg: Leg, for_s: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + for_s
    while leg.ended is None and (left := until - loop.time()) > 0:
        await asyncio.sleep(min(left, RING_LOOK_S))
