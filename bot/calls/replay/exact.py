"""Feed a tape to a fresh engine: does it decide as the live one did, byte for byte?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.audio.frame import Frame
from bot.calls.tape import Engine, Entry, Proof, Recorded, prove_samples
from bot.calls.tape_values import encode
from bot.engine.actions import Action


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the engine did something else."""

    tick: int
    at: float  # seconds of media time
    turn: int
    entry_point: str
    then: Any  # actions as JSON, without those before that are the same; [] when only sound differs
    now: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    ticks: int
    actions: int
    difference: Difference | None


def replay(tape: Recorded, engine: Engine) -> Replayed:
    """Give the engine what is on the tape, until the end or the first difference."""
    proof = Proof()
    ticks = done = turn = 0
    for entry in tape.entries:
        ticks += entry.entry_point == "step"
        if entry.entry_point == "revise" and not engine.can_revise:
            then = entry.actions or []
            return Replayed(ticks, done, Difference(ticks, entry.now, turn, "revise", then, []))
        out, actions = feed(engine, entry)
        now = [encode(each, prove_samples) for each in actions]
        turn = max([turn, *(each["turn"] for each in now if "turn" in each)])
        if proof.add(out, now) != entry.digest:
            then, now = _from_first_difference(entry.actions or [], now)
            return Replayed(
                ticks, done, Difference(ticks, entry.now, turn, entry.entry_point, then, now)
            )
        done += len(now)
    return Replayed(ticks, done, None)


def feed(engine: Engine, entry: Entry) -> tuple[Frame | None, list[Action]]:
    """One recorded call of an entry point, made again."""
    match entry.entry_point:
        case "step":
            assert entry.frame is not None, "a step without a frame"
            return engine.step(entry.frame, entry.inputs, entry.now)
        case "handle":
            return None, engine.handle(entry.inputs, entry.now)
        case "revise":
            return engine.revise(entry.now)
        case "finish":
            return None, engine.finish(entry.now)


def _from_first_difference(then: list[Any], now: list[Any]) -> tuple[list[Any], list[Any]]:
    same = 0
    while same < min(len(then), len(now)) and then[same] == now[same]:
        same += 1
    return then[same:], now[same:]
