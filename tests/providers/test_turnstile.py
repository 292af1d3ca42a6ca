"""Who may use the heavy thread next."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot.providers.turnstile import Full, Turnstile


async def queued(turnstile: Turnstile, count: int) -> None:
    while turnstile.waiting != count:
        await asyncio.sleep(0)


async def test_urgent_work_overtakes_what_waits_and_the_rest_keeps_its_order() -> None:
    turnstile, gate, done = Turnstile("test"), threading.Event(), list[str]()
    running = asyncio.create_task(turnstile.run(gate.wait))
    waiting = []
    for number, (name, urgent) in enumerate([("a", False), ("b", False), ("now", True)]):
        work = turnstile.run(lambda name=name: done.append(name), urgent=urgent)
        waiting.append(asyncio.create_task(work))
        await queued(turnstile, number + 1)
    gate.set()
    await asyncio.gather(running, *waiting)
    assert done == ["now", "a", "b"]
    turnstile.close()


async def test_who_is_cancelled_leaves_the_queue_and_the_thread_stays_taken() -> None:
    turnstile, gate, done = Turnstile("test"), threading.Event(), list[str]()
    running = asyncio.create_task(turnstile.run(lambda: gate.wait() and done.append("first")))
    gone = asyncio.create_task(turnstile.run(lambda: done.append("gone")))
    await queued(turnstile, 1)
    gone.cancel()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    last = asyncio.create_task(turnstile.run(lambda: done.append("last")))
    await queued(turnstile, 1)
    assert done == []
    gate.set()
    await last
    assert done == ["first", "last"]
    turnstile.close()


async def test_two_threads_run_two_at_a_time_and_no_third() -> None:
    turnstile, gate, both = Turnstile("test", threads=2), threading.Event(), threading.Barrier(3)

    def work() -> None:
        both.wait(timeout=5)
        gate.wait(timeout=5)

    running = [asyncio.create_task(turnstile.run(work)) for _ in range(2)]
    done: list[str] = []
    third = asyncio.create_task(turnstile.run(lambda: done.append("third")))
    await queued(turnstile, 1)
    await asyncio.to_thread(both.wait, 5)
    assert done == []
    gate.set()
    await asyncio.gather(*running, third)
    assert done == ["third"]
    assert await turnstile.run(lambda: 5) == 5, "both threads are free again"
    turnstile.close()


async def test_errors_reach_their_caller_and_the_next_runs() -> None:
    turnstile = Turnstile("test")
    with pytest.raises(ZeroDivisionError):
        await turnstile.run(lambda: 1 // 0)
    assert await turnstile.run(lambda: 5) == 5
    turnstile.close()


async def test_a_full_queue_refuses() -> None:
    turnstile, gate = Turnstile("test", max_waiting=1), threading.Event()
    tasks = [asyncio.create_task(turnstile.run(gate.wait)) for _ in range(2)]
    await queued(turnstile, 1)
    with pytest.raises(Full):
        await turnstile.run(gate.wait)
    gate.set()
    await asyncio.gather(*tasks)
    turnstile.close()
