"""Two hundred short calls: nothing crashes, nothing grows."""

import asyncio
import time
from collections.abc import Sequence

from bot.config import RTP_PORTS
from tests.support.bot_process import BotMaker, BotProcess
from tests.support.sip_message import answered
from tests.support.wire import WirePhone

WARM_UP = 40
CALLS = 200
AT_ONCE = 4
LEAST_S = 0.3  # media flows both ways before the caller hangs up
GROWTH_BYTES = 50_000
KEPT_S = 33.0  # pjsip keeps a BYE's transaction and dialog for 32 s (RFC 3261, timer J): 29 kB
MORE_CALLS = 100
STEADY_BYTES = 5_000
PORT_RESTS = 20  # calls, before its next one


async def test_two_hundred_calls_leave_nothing_behind(make_bot: BotMaker) -> None:
    bot = make_bot()
    worker = bot.worker("sip")
    async with WirePhone(bot.sip) as phone:
        await short_calls(phone, WARM_UP)
        await asyncio.sleep(1.0)  # the last records are written
        before = worker.memory_info().rss
        ports = await short_calls(phone, CALLS // 2)
        halfway = time.monotonic()
        ports += await short_calls(phone, CALLS // 2)
        await asyncio.sleep(1.0)
        full = worker.memory_info().rss
        growth = (full - before) / CALLS
        # what the first half left behind is let go now, and serves the next calls
        await asyncio.sleep(halfway + KEPT_S - time.monotonic())
        ports += await short_calls(phone, MORE_CALLS)
        await asyncio.sleep(1.0)
        steady = (worker.memory_info().rss - full) / MORE_CALLS
    assert bot.worker("sip") == worker, "the same process from first to last"
    assert growth < GROWTH_BYTES, f"{growth:.0f} bytes a call"
    assert steady < STEADY_BYTES, f"{steady:.0f} bytes a call for good"
    assert_ports_rest(bot, ports)
    rows = bot.rows("SELECT worker_pid, answered, ended FROM calls")
    assert len(rows) == WARM_UP + CALLS + MORE_CALLS
    assert all(row["answered"] and row["ended"] for row in rows)
    assert {row["worker_pid"] for row in rows} == {worker.pid}


def assert_ports_rest(bot: BotProcess, ports: Sequence[int]) -> None:
    """A caller who goes on sending after a call must not be heard in, or hear, the next ones."""
    first = bot.config["sip"]["rtp_port"]
    assert all(first <= port < first + RTP_PORTS for port in ports)
    for place, port in enumerate(ports):
        assert port not in ports[max(0, place - PORT_RESTS) : place], "a port came back too soon"


async def short_calls(phone: WirePhone, count: int) -> list[int]:
    """`count` calls, AT_ONCE at a time; every one must be answered and bring audio.

    Returns the UDP ports the bot gave them, in turn.
    """
    ports: list[int] = []
    left = iter(range(count))

    async def line() -> None:
        for _ in left:
            call = await phone.dial("1000")
            assert call.status == 200 and call.final_response is not None
            ports.append(answered(call.final_response.body)[1])
            await asyncio.sleep(LEAST_S)
            assert await call.hang_up() == 200
            assert len(call.rtp.received) > 5
            del phone.calls[call.call_id]

    await asyncio.gather(*(line() for _ in range(AT_ONCE)))
    return ports
