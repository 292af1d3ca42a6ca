"""A browser leg's `delays` against the times at which an aiortc caller's packets come and leave."""

import asyncio
import time

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, level_db, silence
from tests.support.browser_call import call, talk, tone, until


async def test_the_outbound_delay_told_is_the_one_on_the_wire():
    burst = np.rint(8000 * np.sin(2 * np.pi * 800 * np.arange(960) / BUS_HZ)).astype(np.int16)
    outbound, told_out = [], []
    for phase in range(4):  # each call meets the clock in another
        async with call() as (_, phone, leg):
            await asyncio.sleep(0.005 * phase)
            heard: list = []
            reading = asyncio.ensure_future(talk(phone, []))
            async for frame in leg.frames():
                heard.append((frame, time.time()))
                if len(heard) == 15:
                    leg.write(burst)
                    written, told = time.time(), leg.delays.outbound
                    before = len(phone.received)
                else:
                    leg.write(silence())
                if len(heard) == 32:
                    break
            left = next(p.at for p in phone.received[before:] if p.size > 60)
            outbound.append(left - written)
            told_out.append(told - 0.0065)  # the codec's share is inside the packet
            assert 0.0 <= leg.delays.inbound < 0.045
            reading.cancel()
    print(f"out {np.median(outbound) * 1000:.1f} ms")
    assert np.median(np.array(outbound) - np.array(told_out)) == pytest.approx(0.0, abs=0.004)


async def test_the_inbound_delay_told_is_the_one_heard():
    """A click's packet leaves the phone at a known time; its frame comes when we were told."""
    async with call() as (_, phone, leg):
        told, taken = [], []

        async def listen() -> None:
            async for frame in leg.frames():
                if level_db(frame) > -40 and (not taken or time.time() - taken[-1] > 0.2):
                    taken.append(time.time())
                    told.append(leg.delays.inbound)
                leg.write(silence())

        listening = asyncio.ensure_future(listen())
        left = []
        click = tone(0, 800)
        for _ in range(6):
            await asyncio.sleep(0.37)
            before = len(phone.sent)
            phone.write(click)
            await until(lambda: any(p.size > 60 for p in phone.sent[before:]))  # noqa: B023
            left.append(next(p.at for p in phone.sent[before:] if p.size > 60))
        await asyncio.sleep(0.2)
        listening.cancel()
        assert len(taken) == len(left)
        off = np.median(np.array(taken) - np.array(left) - np.array(told))
        print(f"told {np.median(told) * 1000:.1f} ms, off by {off * 1000:.1f} ms")
        assert abs(off) < 0.008
