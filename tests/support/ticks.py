"""Reading a leg's frames in a test."""

import asyncio
import contextlib

from bot.legs.base import Leg


async def caught_up(leg: Leg) -> None:
    """Read what piled up while nobody did, so that from now on a tick takes its 20 ms."""
    loop = asyncio.get_running_loop()
    async with contextlib.aclosing(leg.frames()) as ticks:
        waited = loop.create_future()
        loop.call_soon(waited.set_result, None)
        async for _ in ticks:
            if waited.done():  # the loop turned: this frame had to be waited for
                return
