"""The call on a tape under other settings: the same caller, another engine.

As long as the engine does what the live one did, it is told exactly what that one was told. From
its first other decision on the tape's memory answers it, and only the caller's audio, keys and
hold stay as they were: a caller cannot react to a bot that was not there.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from bot.calls.replay.asked import Reply, is_answer, turn_of
from bot.calls.replay.exact import feed
from bot.calls.replay.memory import TapeMemory
from bot.calls.tape import Proof, Recorded, prove_samples
from bot.calls.tape_values import decode, encode
from bot.engine.actions import (
    Action,
    AskModel,
    CancelWork,
    HangUpCall,
    Speak,
    Transcribe,
    TransferCall,
)
from bot.engine.engine import CallEngine


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a call, and why it is named."""

    tick: int
    at: float  # seconds of media time
    turn: int
    why: str


@dataclass(slots=True)
class Story:
    """All an engine did in a call, with its time."""

    did: list[tuple[float, Action]] = field(default_factory=list)
    differs_from: Moment | None = None  # the first thing the live engine did not do
    guess_from: Moment | None = None  # the first answer the tape could not give


def story_of(tape: Recorded) -> Story:
    """What the live engine did. Audio of its actions is not on a tape: they hold none."""
    return Story(
        [
            (entry.now, decode(told, lambda _: np.zeros(0, np.int16)))
            for entry in tape.entries
            for told in entry.actions or []
        ]
    )


def what_if(tape: Recorded, engine: CallEngine) -> Story:
    """Let this engine take the call."""
    story, proof, ticks = Story(), Proof(), 0
    for number, entry in enumerate(tape.entries):
        ticks += entry.entry_point == "step"
        actions: list[Action] = []
        same = entry.entry_point != "revise" or engine.can_revise
        if same:
            out, actions = feed(engine, entry)
            story.did += [(entry.now, action) for action in actions]
            told = [encode(each, prove_samples) for each in actions]
            same = proof.add(out, told) == entry.digest
        if not same:
            turn = actions[0].turn if actions and hasattr(actions[0], "turn") else engine.turn
            story.differs_from = Moment(ticks, entry.now, turn, "another decision")
            _Alone(tape, engine, story, number, ticks).live_on(actions)
            break
    return story


class _Alone:
    """The rest of the call, from entry `number` on, without the live engine's inputs."""

    def __init__(
        self, tape: Recorded, engine: CallEngine, story: Story, number: int, ticks: int
    ) -> None:
        self._engine, self._story = engine, story
        self._rest = tape.entries[number + 1 :]
        self._now = tape.entries[number].now
        self._tick_at = next(
            (e.now for e in reversed(tape.entries[: number + 1]) if e.entry_point == "step"), 0.0
        )
        self._ticks = ticks
        self._order = count()
        self._due: list[tuple[float, int, Reply]] = []
        self._memory = TapeMemory(tape)
        self._hung_up = False
        for at, reply in self._memory.left_over(number):
            self._expect(at, reply)

    def live_on(self, actions: list[Action]) -> None:
        """`actions` are the first that the live engine did not do."""
        self._ask(actions)
        for entry in self._rest:
            if self._hung_up:
                break
            if entry.frame is None:
                continue
            self._answer_until(entry.now)
            self._now = self._tick_at = entry.now
            self._ticks += 1
            from_the_line = [each for each in entry.inputs if not is_answer(each)]
            _, actions = self._engine.step(entry.frame, from_the_line, entry.now)
            self._act(actions)
        self._act(self._engine.finish(self._now))

    def _answer_until(self, now: float) -> None:
        """Results that are there before the next tick, each at its time, as a session does it."""
        while self._due and self._due[0][0] < now and not self._hung_up:
            at, _, reply = heapq.heappop(self._due)
            self._now = max(at, self._now)
            if reply.guess and turn_of(reply.each) == self._engine.turn:
                self._guess(reply)
            self._act(self._engine.handle([reply.each], self._now))
            if self._engine.can_revise:
                _, actions = self._engine.revise(self._tick_at)
                self._act(actions)

    def _act(self, actions: list[Action]) -> None:
        self._story.did += [(self._now, action) for action in actions]
        self._ask(actions)

    def _ask(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Transcribe() | AskModel() | Speak() | TransferCall():
                    for reply in self._memory.answer(action, self._ticks):
                        self._expect(self._now + reply.after_s, reply)
                case CancelWork(turn):
                    self._due = [each for each in self._due if turn_of(each[2].each) > turn]
                    heapq.heapify(self._due)
                case HangUpCall():
                    self._hung_up = True

    def _expect(self, at: float, reply: Reply) -> None:
        heapq.heappush(self._due, (at, next(self._order), reply))

    def _guess(self, reply: Reply) -> None:
        if self._story.guess_from is None:
            self._story.guess_from = Moment(self._ticks, self._now, self._engine.turn, reply.guess)
