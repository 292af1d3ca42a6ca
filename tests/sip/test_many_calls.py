"""Two hundred short calls: nothing crashes, nothing grows."""

import asyncio

from tests.support.bot_process import BotMaker
from tests.support.wire import WirePhone

WARM_UP = 40
CALLS = 200
AT_ONCE = 4
LEAST_S = 0.3  # media flows both ways before the caller hangs up
GROWTH_BYTES = 50_000


async def test_two_hundred_calls_leave_nothing_behind(make_bot: BotMaker) -> None:
    bot = make_bot()
    worker = bot.worker("sip")
    async with WirePhone(bot.sip) as phone:
        await short_calls(phone, WARM_UP)
        await asyncio.sleep(1.0)  # the last records are written
        before = worker.memory_info().rss
        await short_calls(phone, CALLS)
        await asyncio.sleep(1.0)
        growth = (worker.memory_info().rss - before) / CALLS
    assert bot.worker("sip") == worker, "the same process from first to last"
    assert growth < GROWTH_BYTES, f"{growth:.0f} bytes a call"
    rows = bot.rows("SELECT worker_pid, answered, ended FROM calls")
    assert len(rows) == WARM_UP + CALLS
    assert all(row["answered"] and row["ended"] for row in rows)
    assert {row["worker_pid"] for row in rows} == {worker.pid}


async def short_calls(phone: WirePhone, count: int) -> None:
    """`count` calls, AT_ONCE at a time; every one must be answered and bring audio."""
    left = iter(range(count))

    async def line() -> None:
        for _ in left:
            call = await phone.dial("1000")
            assert call.status == 200
            await asyncio.sleep(LEAST_S)
            assert await call.hang_up() == 200
            assert len(call.rtp.received) > 5
            del phone.calls[call.call_id]

    await asyncio.gather(*(line() for _ in range(AT_ONCE)))
