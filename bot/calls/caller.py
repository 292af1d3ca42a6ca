"""A caller in the box: says its lines when the other side is quiet, and times what it hears.

This is how a newcomer tries the bot without a phone and how tests measure it from outside. It
decides from its own two audio directions alone; times are seconds since the answer, as on its
side of the wire.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, Samples, level_db, silence
from bot.legs.base import Delays, HangUp, Leg

VOICE_DB = -45.0  # a telephone line without speech is far below, a voice far above
QUIET_S = 1.5  # the other side is done: longer than a pause within a reply
FELL_SILENT_S = 0.4  # an interrupted speaker has stopped: longer than a pause within a sentence
NO_GREETING_S = 4.0
NO_REPLY_S = 20.0
EDGE_FRAMES = 15  # kept around a reply that is to be understood


@dataclass(frozen=True, slots=True)
class Said:
    """One line of ours: its words (or a file's name) and its audio at BUS_HZ."""

    text: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class Manner:
    """How a caller behaves. Seconds."""

    interrupt_after: float | None = None  # into a reply, when the next line is said over it
    hang_up_after: float = math.inf  # since the answer, whatever is being said


@dataclass(slots=True)
class Exchange:
    """One line of ours and what came back. The first exchange is the greeting: nothing said.

    Times are those of packets: when the first and the last with speech left or arrived.
    """

    text: str
    spoke_from: float | None = None
    spoke_until: float | None = None
    heard_from: float | None = None
    heard_until: float | None = None
    interrupted: bool = False  # we spoke over the other side's reply before
    silent_after: float | None = None  # how soon it then fell silent, since our first speech
    heard: list[Frame] = field(default_factory=list)
    reply_at: int | None = None  # index in `heard` of the first frame with speech

    def audio(self) -> Samples:
        """All that came from the other side during this exchange, at BUS_HZ."""
        return np.concatenate(self.heard) if self.heard else silence()

    def reply(self) -> Samples:
        """The other side's answer alone, for a listener; empty when there was none."""
        if self.reply_at is None:
            return np.zeros(0, np.int16)
        return np.concatenate(self.heard[max(0, self.reply_at - EDGE_FRAMES) :])

    @property
    def reply_after(self) -> float | None:
        """From our last speech to the first of theirs."""
        if self.heard_from is None or self.spoke_until is None:
            return None
        return self.heard_from - self.spoke_until


class CallerScript:
    """Pure and tick-driven: a frame heard in, a frame to say out."""

    def __init__(
        self, lines: Sequence[Said], delays: Callable[[], Delays], manner: Manner | None = None
    ) -> None:
        self._lines = list(lines)
        self._delays = delays
        self._manner = manner or Manner()
        self._since = 0.0  # when the present exchange began, or our line ended
        self._saying = np.zeros(0, np.int16)
        self._talked_over: Exchange | None = None  # whose reply goes on while we speak
        self._heard_at = -math.inf  # when a frame with speech was last handed to us
        self._frames = 0
        self.now = 0.0
        self.exchanges = [Exchange("")]
        self.done = False

    @property
    def not_said(self) -> list[str]:
        """Lines for which the call was too short."""
        return [line.text for line in self._lines]

    def step(self, frame: Frame) -> Frame:
        self._frames += 1
        self.now = self._frames * FRAME_S
        self._listen(frame)
        if self._passed(0.0, self._manner.hang_up_after):
            self.done = True
        elif not self.done and not len(self._saying) and self._our_turn():
            self._next_line()
        return self._speak()

    def _listen(self, frame: Frame) -> None:
        loud = level_db(frame) > VOICE_DB
        if loud:
            self._heard_at = self.now
        exchange = self._talked_over or self.exchanges[-1]
        exchange.heard.append(frame)
        arrived = self.now - self._delays().inbound
        if self._talked_over is not None:
            self._listen_over(self._talked_over, arrived if loud else None)
        elif loud and not len(self._saying):
            if exchange.heard_from is None:
                exchange.heard_from = arrived
                exchange.reply_at = len(exchange.heard) - 1
            exchange.heard_until = arrived

    def _listen_over(self, cut: Exchange, arrived: float | None) -> None:
        """We interrupted: what still comes belongs to the reply before, until it falls silent."""
        if arrived is not None:
            cut.heard_until = arrived
        elif self._passed(self._heard_at, FELL_SILENT_S):
            ours = self.exchanges[-1]
            if cut.heard_until is not None and ours.spoke_from is not None:
                ours.silent_after = max(0.0, cut.heard_until - ours.spoke_from)
            self._talked_over = None

    def _our_turn(self) -> bool:
        return self._other_side_done() or (bool(self._lines) and self._may_interrupt())

    def _may_interrupt(self) -> bool:
        """Only over a reply, not over the greeting, and only while it is being said."""
        began, after = self.exchanges[-1].heard_from, self._manner.interrupt_after
        if after is None or began is None or len(self.exchanges) == 1:
            return False
        return self._heard_at == self.now and self._passed(began, after)

    def _other_side_done(self) -> bool:
        exchange = self.exchanges[-1]
        if exchange.heard_until is not None:
            return self._passed(self._heard_at, QUIET_S)
        return self._passed(self._since, NO_REPLY_S if exchange.text else NO_GREETING_S)

    def _passed(self, since: float, seconds: float) -> bool:
        """To the nearest frame: sums of 0.02 are never round."""
        return self.now - since > seconds - FRAME_S / 2

    def _next_line(self) -> None:
        if not self._lines:
            self.done = True
            return
        line = self._lines.pop(0)
        self._saying = line.samples
        speaking = self._heard_at == self.now
        self._talked_over = self.exchanges[-1] if speaking else None
        self.exchanges.append(Exchange(line.text, interrupted=speaking))
        self._since = self.now

    def _speak(self) -> Frame:
        if not len(self._saying) or self.done:
            return silence()
        out = silence()
        part, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        out[: len(part)] = part
        exchange = self.exchanges[-1]
        if level_db(out) > VOICE_DB:
            leaves = self.now + self._delays().outbound
            if exchange.spoke_from is None:
                exchange.spoke_from = leaves
            exchange.spoke_until = leaves
        self._since = self.now
        return out


async def converse(leg: Leg, lines: Sequence[Said], manner: Manner | None = None) -> CallerScript:
    """Play the script over an answered leg until it is done or the other side hangs up."""
    script = CallerScript(lines, lambda: leg.delays, manner)
    async for frame in leg.frames():
        if script.done:
            await leg.hang_up(HangUp.NORMAL)
        else:
            leg.write(script.step(frame))
    return script
