"""A caller who follows a score over any leg: speaks, waits, interrupts, presses keys.

It decides from what it hears alone, so the same score fits every door.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Frame, Samples, level_db, silence
from bot.legs.base import Leg
from tests.support.phone import spoken

VOICE_DB = -45.0
QUIET_S = 1.2  # the bot is done: longer than any pause within a reply
PATIENCE_S = 25.0  # for one step


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait until the bot has spoken and been quiet for so long."""

    quiet_s: float = QUIET_S


@dataclass(frozen=True, slots=True)
class Say:
    """Speak; a pause is how long it is quiet between one part and the next."""

    parts: tuple[str, ...]
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Over:
    """Wait until the bot has spoken for `after_s`, then speak into it."""

    after_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """Keys, one after the other."""

    digits: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Wait until the bot hangs up."""


Step: TypeAlias = Hear | Say | Over | Press | Wait | Ended


def say(*parts: str, pause_s: float = 0.0) -> Say:
    return Say(parts, pause_s)


def voices(score: Sequence[Step]) -> dict[str, Samples]:
    """All that is said in a score, spoken. Takes long: during a call the line would stand still."""
    return {text: spoken(text, BUS_HZ) for text in _texts(score)}


def _texts(score: Sequence[Step]) -> Iterator[str]:
    for step in score:
        match step:
            case Say(parts):
                yield from parts
            case Over(_, text):
                yield text


class Conductor:
    """Carries out one score. `voices` is what the function of this name makes of it."""

    def __init__(self, leg: Leg, score: Sequence[Step], voices: Mapping[str, Samples]) -> None:
        self._leg, self._score, self._voices = leg, list(score), voices
        self._saying = np.zeros(0, np.int16)
        self._now = self._began = 0.0
        self._voice_at = self._voice_from = -math.inf
        self._heard = False
        self.not_done: list[Step] = []

    async def run(self) -> None:
        """Until the score is done or the line is gone; then we hang up."""
        async for frame in self._leg.frames():
            self._now += FRAME_S
            self._listen(frame)
            while self._score and self._done(self._score[0]):
                await self._next()
            if not self._score or self._now - self._began > PATIENCE_S:
                self.not_done = self._score
                await self._leg.hang_up()
            self._leg.write(self._speak())
        self.not_done = [each for each in self._score if not isinstance(each, Ended)]

    def _listen(self, frame: Frame) -> None:
        if level_db(frame) > VOICE_DB:
            if self._now - self._voice_at > QUIET_S:
                self._voice_from = self._now
            self._voice_at, self._heard = self._now, True

    def _done(self, step: Step) -> bool:
        """Has it been carried out? Called at each frame while it is the first of the score."""
        match step:
            case Hear(quiet_s):
                return self._heard and self._now - self._voice_at >= quiet_s
            case Say() | Press():
                return not len(self._saying) and self._now - self._began >= FRAME_S
            case Over(after_s):
                if not len(self._saying) and self._heard and not self._said_over:
                    if self._now - self._voice_from >= after_s:
                        self._saying, self._said_over = self._voices[step.text], True
                    return False
                return self._said_over and not len(self._saying)
            case Wait(seconds):
                return self._now - self._began >= seconds
            case Ended():
                return False

    _said_over = False

    async def _next(self) -> None:
        """The first step is done: begin the one behind it."""
        self._score.pop(0)
        self._began, self._said_over = self._now, False
        if not self._score:
            return
        match self._score[0]:
            case Say(parts, pause_s):
                gap = np.zeros(round(pause_s * BUS_HZ), np.int16)
                spaced = [part for text in parts for part in (gap, self._voices[text])][1:]
                self._saying = np.concatenate(spaced)
                self._heard = False
            case Press(digits):
                await self._leg.send_digits(digits)
                self._heard = False
            case Over():
                self._heard = self._now - self._voice_at < FRAME_S
            case _:
                pass

    def _speak(self) -> Frame:
        if not len(self._saying):
            return silence()
        part, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        return np.pad(part, (0, FRAME_SAMPLES - len(part)))
