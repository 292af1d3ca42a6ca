"""The browsers' clock: absolute deadlines, packets before frames, and rest when nobody calls."""

import asyncio
import time

import pytest

from bot.legs.lateness import LatenessLog
from bot.legs.webrtc_clock import LoopClock


class Ticked:
    """Writes down what the clock does to it."""

    def __init__(self, log: list, name: str) -> None:
        self.log, self.name = log, name
        self.at: list[float] = []

    def send_frame(self) -> None:
        self.at.append(time.monotonic())
        self.log.append((self.name, "send"))

    def take_frame(self, now: float) -> None:
        self.log.append((self.name, "take"))


async def test_all_packets_leave_before_any_frame_is_decoded():
    clock, log = LoopClock(), []
    legs = [Ticked(log, name) for name in "ab"]
    for leg in legs:
        clock.open(leg)
    await asyncio.sleep(0.03)
    for leg in legs:
        clock.close(leg)
    assert log[:4] == [("a", "send"), ("b", "send"), ("a", "take"), ("b", "take")]


async def test_ticks_do_not_drift_and_short_delays_are_made_good():
    clock, leg = LoopClock(), Ticked([], "a")
    began = time.monotonic()
    clock.open(leg)
    await asyncio.sleep(0.1)
    time.sleep(0.15)
    await asyncio.sleep(0.16)
    assert len(leg.at) == int((time.monotonic() - began) / 0.02 + 0.1)
    assert leg.at[-1] - began == pytest.approx(len(leg.at) * 0.02, abs=0.01)
    assert 0.1 < clock.lateness.max < 0.3
    assert clock.lateness.resyncs == 0
    clock.close(leg)


async def test_long_delays_are_given_up():
    clock, leg = LoopClock(), Ticked([], "a")
    clock.open(leg)
    await asyncio.sleep(0.03)
    time.sleep(0.6)
    before = len(leg.at)
    await asyncio.sleep(0.05)
    assert len(leg.at) - before <= 4
    assert clock.lateness.resyncs == 1
    clock.close(leg)


async def test_nothing_runs_while_nobody_calls():
    clock, leg = LoopClock(), Ticked([], "a")
    assert clock.to_next_tick() == 0.02
    clock.open(leg)
    assert 0 < clock.to_next_tick() <= 0.02
    await asyncio.sleep(0.03)
    clock.close(leg)
    count = len(leg.at)
    await asyncio.sleep(0.05)
    assert len(leg.at) == count
    assert clock._next is None


def test_lateness_is_summed_up():
    log = LatenessLog()
    assert log.summary.p50 == 0.0
    assert [log.add(late) for late in (0.001, 0.002, 0.6)] == [0.0, 0.0, 0.6]
    assert (log.summary.p50, log.summary.max, log.summary.resyncs) == (0.002, 0.6, 1)
