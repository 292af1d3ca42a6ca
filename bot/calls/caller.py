"""A caller in the box: says its lines when the other side is quiet, and times what it hears.

This is how a newcomer tries the bot without a phone and how tests measure it from outside. It
decides from its own two audio directions alone; times are seconds since the answer, as on its
side of the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, Samples, level_db, silence
from bot.legs.base import Delays, HangUp, Leg

VOICE_DB = -45.0  # a telephone line without speech is far below, a voice far above
QUIET_S = 1.5  # the other side is done: longer than a pause within a reply
NO_GREETING_S = 4.0
NO_REPLY_S = 20.0


@dataclass(frozen=True, slots=True)
class Said:
    """One line of ours: its words (or a file's name) and its audio at BUS_HZ."""

    text: str
    samples: Samples


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
    heard: list[Frame] = field(default_factory=list)

    def audio(self) -> Samples:
        """All that came from the other side during this exchange, at BUS_HZ."""
        return np.concatenate(self.heard) if self.heard else silence()

    @property
    def reply_after(self) -> float | None:
        """From our last speech to the first of theirs."""
        if self.heard_from is None or self.spoke_until is None:
            return None
        return self.heard_from - self.spoke_until


class CallerScript:
    """Pure and tick-driven: a frame heard in, a frame to say out."""

    def __init__(self, lines: Sequence[Said], delays: Callable[[], Delays]) -> None:
        self._lines = list(lines)
        self._delays = delays
        self._now = 0.0
        self._since = 0.0  # when the present exchange began
        self._saying = np.zeros(0, np.int16)
        self.exchanges = [Exchange("")]
        self.done = False

    def step(self, frame: Frame) -> Frame:
        self._now += FRAME_S
        self._listen(frame)
        if not len(self._saying) and not self.done and self._other_side_done():
            self._next_line()
        return self._speak()

    def _listen(self, frame: Frame) -> None:
        exchange = self.exchanges[-1]
        exchange.heard.append(frame)
        if level_db(frame) > VOICE_DB and not len(self._saying):
            at = self._now - self._delays().inbound
            if exchange.heard_from is None:
                exchange.heard_from = at
            exchange.heard_until = at

    def _other_side_done(self) -> bool:
        exchange = self.exchanges[-1]
        if exchange.heard_until is not None:
            return self._now - exchange.heard_until >= QUIET_S
        waiting_s = NO_REPLY_S if exchange.text else NO_GREETING_S
        return self._now - self._since >= waiting_s

    def _next_line(self) -> None:
        if not self._lines:
            self.done = True
            return
        line = self._lines.pop(0)
        self._saying = line.samples
        self.exchanges.append(Exchange(line.text))
        self._since = self._now

    def _speak(self) -> Frame:
        if not len(self._saying):
            return silence()
        out = silence()
        part, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        out[: len(part)] = part
        exchange = self.exchanges[-1]
        if level_db(out) > VOICE_DB:
            leaves = self._now + self._delays().outbound
            if exchange.spoke_from is None:
                exchange.spoke_from = leaves
            exchange.spoke_until = leaves
        self._since = self._now
        return out


async def converse(leg: Leg, lines: Sequence[Said]) -> CallerScript:
    """Play the script over an answered leg until it is done or the other side hangs up."""
    script = CallerScript(lines, lambda: leg.delays)
    async for frame in leg.frames():
        leg.write(script.step(frame))
        if script.done:
            await leg.hang_up(HangUp.NORMAL)
    return script
