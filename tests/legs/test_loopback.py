"""What the loopback pair has beyond the contract: explicit ticks, loss patterns, holds."""

import asyncio
import contextlib

import numpy as np

from bot.audio.frame import FRAME_SAMPLES
from bot.legs.base import Hold
from bot.legs.loopback import loopback, random_loss


def numbered(number: int) -> np.ndarray:
    return np.full(FRAME_SAMPLES, number, np.int16)


async def take(leg, count):
    async with contextlib.aclosing(leg.frames()) as frames:
        return [int((await anext(frames))[0]) for _ in range(count)]


async def test_time_stands_still_between_ticks():
    phone, bot = loopback(free_running=False)
    await bot.answer()
    phone.write(numbered(1))
    waiting = asyncio.ensure_future(take(bot, 2))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    phone.tick()
    phone.write(numbered(2))
    phone.tick()
    assert await asyncio.wait_for(waiting, 1) == [1, 2]


async def test_nothing_crosses_before_the_answer():
    phone, bot = loopback(free_running=False)
    phone.write(numbered(1))
    phone.tick()
    await bot.answer()
    phone.tick()
    assert await asyncio.wait_for(take(bot, 1), 1) == [1]


async def test_lost_frames_are_the_named_ones_and_come_as_silence():
    phone, bot = loopback(lost=[False, True, False, True], free_running=False)
    await bot.answer()
    for number in range(1, 7):
        phone.write(numbered(number))
        bot.write(numbered(number))
        phone.tick()
    assert await take(bot, 6) == [1, 0, 3, 0, 5, 6]
    assert await take(phone, 6) == [1, 2, 3, 4, 5, 6]
    assert bot.stats.rtp_lost == bot.stats.frames_lost == 2


async def test_both_sides_read_in_step_and_as_fast_as_they_can():
    phone, bot = loopback()
    await bot.answer()

    async def count(leg, up_to):
        heard = []
        async with contextlib.aclosing(leg.frames()) as frames:
            async for frame in frames:
                heard.append(int(frame[0]))
                leg.write(numbered(len(heard)))
                if len(heard) == up_to:
                    break
        return heard

    began = asyncio.get_running_loop().time()
    at_phone, at_bot = await asyncio.gather(count(phone, 500), count(bot, 500))
    assert asyncio.get_running_loop().time() - began < 5  # ten seconds of audio
    assert at_phone == at_bot == [0, *range(1, 500)]


async def test_one_side_goes_on_when_the_other_stops_reading():
    phone, bot = loopback()
    await bot.answer()
    await asyncio.wait_for(asyncio.gather(take(phone, 3), take(bot, 50)), 5)


def test_random_loss_repeats_itself_and_keeps_its_share():
    first, again = random_loss(0.1, seed=3), random_loss(0.1, seed=3)
    drawn = [next(first) for _ in range(5000)]
    assert drawn == [next(again) for _ in range(5000)]
    assert 0.08 < sum(drawn) / 5000 < 0.12


async def test_hold_is_told_to_the_other_side():
    phone, bot = loopback()
    await bot.answer()
    bot.events()
    phone.hold(on=True)
    phone.hold(on=False)
    assert bot.events() == [Hold(on=True), Hold(on=False)]
