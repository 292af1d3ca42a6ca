"""What turn taking costs: one tick with everything on, and a scored conversation of 10 s.

Processor time of the thread, not of the clock on the wall: other programs of the machine, which
may be busy, do not count.
"""

from __future__ import annotations

import gc
import time
from typing import Any

from tests.bench.numbers import percentile
from tests.engine.score import Call as Score
from tests.engine.score import World
from tests.eval.run import Call, Scene
from tests.eval.scenes import clip_scenes, echo_scenes

CALLS = 12  # with back-channels, interruptions, noise and echo
ROUNDS = 9
SCENARIO_S = 10.0


class Timed:
    """An engine whose steps are timed."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.us: list[float] = []

    def step(self, *args: Any) -> Any:
        begun = time.thread_time_ns()
        answer = self._engine.step(*args)
        self.us.append((time.thread_time_ns() - begun) / 1000)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def tick_us() -> dict[str, float]:
    """CallEngine.step over whole calls: noise floor, detector, echo guard, barge-in, voice."""
    clips, echoes = clip_scenes(), echo_scenes()
    scenes = clips[:: len(clips) // (CALLS // 2)] + echoes[:: len(echoes) // (CALLS // 2)]
    us: list[float] = []
    for _, scene in scenes[:CALLS]:
        us += timed(scene)
    return {"p50": percentile(us, 50), "p99": percentile(us, 99), "n": len(us)}


def timed(scene: Scene) -> list[float]:
    call = Call(scene)
    engine = Timed(call.engine)
    call.engine = engine  # type: ignore[assignment]
    call.run()
    return engine.us


def scenario_10s_ms() -> float:
    """Greeting, a question, its answer, an interruption and the next answer, as tests score it."""
    taken = []
    for _ in range(ROUNDS):
        gc.collect()
        begun = time.thread_time_ns()
        scenario()
        taken.append((time.thread_time_ns() - begun) / 1e6)
    return percentile(taken, 50)


def scenario() -> Score:
    world = World(replies=["We open at eight and close at six in the evening on every day."])
    call = Score(world, turn={"silence_ms": 700})
    call.until(call.listening).speak(1.0).until(call.speaking).wait(1.0).speak(1.2)
    call.until(call.listening)
    return call.wait(SCENARIO_S - call.now)
