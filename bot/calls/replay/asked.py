"""What the live engine asked of its providers, and what they answered, and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeGuard

import numpy as np

from bot.calls.replay.sound import Sound
from bot.calls.tape import Entry
from bot.calls.tape_values import decode
from bot.engine.actions import AskModel, CancelWork, Speak, Transcribe, TransferCall
from bot.engine.inputs import (
    ControlAsked,
    Input,
    ModelDone,
    ModelFailed,
    ModelText,
    SpeechAudio,
    SpeechDone,
    SpeechFailed,
    ToolUsed,
    Transcribed,
    TranscriptionFailed,
    TransferFailed,
)

Question: TypeAlias = Transcribe | AskModel | Speak | TransferCall
Answer: TypeAlias = (
    Transcribed
    | TranscriptionFailed
    | ModelText
    | ModelDone
    | ModelFailed
    | ControlAsked
    | ToolUsed
    | TransferFailed
    | SpeechAudio
    | SpeechDone
    | SpeechFailed
)
LAST = (
    Transcribed, TranscriptionFailed, ModelDone, ModelFailed, TransferFailed, SpeechDone,
    SpeechFailed,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """One input that answers a question, after so many seconds. `guess` tells why it is one."""

    after_s: float
    each: Answer
    guess: str = ""


@dataclass(slots=True)
class Asked:
    """One question and what came of it."""

    question: Question
    at: float
    number: int  # of the entry it came out of
    cover: frozenset[int] = frozenset()  # of a transcription: ticks of the caller's audio
    replies: list[Reply] = field(default_factory=list)
    came_in: list[int] = field(default_factory=list)  # the entries of the replies
    cancelled_in: int | None = None  # the entry that stopped it
    used: bool = False  # was a question of another engine answered from it?

    @property
    def finished(self) -> bool:
        return bool(self.replies) and isinstance(self.replies[-1].each, LAST)

    @property
    def samples(self) -> int:
        """How much voice came, at BUS_HZ."""
        return sum(len(r.each.samples) for r in self.replies if isinstance(r.each, SpeechAudio))

    def over_before(self, number: int) -> bool:
        """Was it stopped by this entry or by one before?"""
        return self.cancelled_in is not None and self.cancelled_in <= number


def questions(entries: Sequence[Entry], sound: Sound) -> list[Asked]:
    """Every question on a tape, in order, with its answers."""
    reader = _Reader(sound)
    for number, entry in enumerate(entries):
        reader.ticks += entry.frame is not None
        for each in entry.inputs:
            if is_answer(each):
                reader.answered(each, number, entry.now)
        for told in entry.actions or []:
            reader.did(told, number, entry.now)
    return reader.found


def is_answer(each: Input) -> TypeGuard[Answer]:
    """Does it come from a provider, and not from the line or an operator?"""
    return isinstance(each, Answer)


class _Reader:
    def __init__(self, sound: Sound) -> None:
        self.found: list[Asked] = []
        self.ticks = 0  # so far
        self._sound = sound
        self._open: dict[tuple[object, ...], deque[Asked]] = {}  # that wait for answers, by key
        self._running: list[Asked] = []  # not cancelled

    def did(self, told: dict[str, object], number: int, at: float) -> None:
        match decode(told, lambda _: np.zeros(0, np.int16)):
            case Transcribe() as question:
                prints = told["samples"]
                assert isinstance(prints, dict), "a tape keeps prints of an action's audio"
                cover = self._sound.cover_of_prints(prints["prints"], self.ticks)
                self._add(Asked(question, at, number, cover))
            case AskModel() | Speak() | TransferCall() as question:
                self._add(Asked(question, at, number))
            case CancelWork(turn):
                for asked in self._running:
                    if asked.question.turn <= turn:
                        asked.cancelled_in = number
                self._running = [each for each in self._running if each.question.turn > turn]

    def answered(self, each: Answer, number: int, at: float) -> None:
        waiting = self._open.get(_key(each))
        if not waiting:
            return
        asked = waiting[0]
        asked.replies.append(Reply(at - asked.at, each))
        asked.came_in.append(number)
        if asked.finished:
            waiting.popleft()

    def _add(self, asked: Asked) -> None:
        self.found.append(asked)
        self._running.append(asked)
        self._open.setdefault(_key(asked.question), deque()).append(asked)


def _key(each: Question | Answer) -> tuple[object, ...]:
    """Equal for a question and the answers to it."""
    match each:
        case Transcribe() | Transcribed() | TranscriptionFailed():
            return "stt", each.turn, each.utterance_id, each.purpose
        case Speak() | SpeechAudio() | SpeechDone() | SpeechFailed():
            return "tts", each.turn, each.clause
        case TransferCall() | TransferFailed():
            return "transfer", each.turn
    return "llm", turn_of(each)


def turn_of(each: Question | Answer) -> int:
    return each.asked_in if isinstance(each, ToolUsed) else each.turn


def in_turn(each: Answer, turn: int) -> Answer:
    """The same answer, to a question of another turn."""
    return replace(each, **{"asked_in" if isinstance(each, ToolUsed) else "turn": turn})  # type: ignore[arg-type]
