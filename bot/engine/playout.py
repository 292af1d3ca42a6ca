"""The bot's mouth: clauses in order, one frame a tick, and an account of what was heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from bot.audio.frame import FRAME_SAMPLES, Frame, Samples, silence

FADE_SAMPLES = 480  # 10 ms: no click when the bot falls silent or goes on
_FADE_OUT = np.linspace(1.0, 0.0, FADE_SAMPLES, dtype=np.float32)
_FADE_IN = _FADE_OUT[::-1]


@dataclass(slots=True)
class Clause:
    """One piece of the reply: its text, its audio as it arrives, how much was played."""

    text: str
    aside: bool = False  # a filler: heard, but no part of the reply
    complete: bool = False  # no more audio will come
    chunks: deque[Samples] = field(default_factory=deque)
    ready: int = 0  # samples waiting in chunks
    played: int = 0

    def take(self, wanted: int) -> Samples:
        """Up to `wanted` samples, in order."""
        parts: list[Samples] = []
        while wanted and self.chunks:
            chunk = self.chunks.popleft()
            if len(chunk) > wanted:
                self.chunks.appendleft(chunk[wanted:])
                chunk = chunk[:wanted]
            parts.append(chunk)
            wanted -= len(chunk)
        taken = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        self.ready -= len(taken)
        self.played += len(taken)
        return taken

    def give_back(self, samples: Samples) -> None:
        """Undo a take: these samples were not heard."""
        self.chunks.appendleft(samples)
        self.ready += len(samples)
        self.played -= len(samples)

    def heard_words(self) -> str:
        """The words played so far, cut at a word boundary, by share of the clause's length."""
        if self.complete and not self.ready:
            return self.text
        total = self.played + self.ready
        if not self.played or not total:
            return ""
        spoken = self.text.split()
        if not self.complete:  # its length is unknown yet: about 14 characters a second
            total = max(total, len(self.text) * 48_000 // 14)
        heard_chars = len(self.text) * self.played / total
        kept, chars = 0, 0
        for word in spoken:
            chars += len(word) + 1
            if chars > heard_chars:
                break
            kept += 1
        return " ".join(spoken[:kept])


class Playout:
    """The clauses of one reply. `frame()` is called once per tick, also when there is nothing."""

    def __init__(self) -> None:
        self._clauses: dict[int, Clause] = {}
        self._order: list[int] = []
        self._fade_in = False
        self.paused = False

    def add(self, number: int, text: str, *, aside: bool = False) -> None:
        """A clause was sent to the voice. An aside is played before what is not yet heard."""
        self._clauses[number] = Clause(text, aside)
        if aside:
            unheard = (i for i, each in enumerate(self._order) if not self._clauses[each].played)
            self._order.insert(next(unheard, len(self._order)), number)
        else:
            self._order.append(number)

    def feed(self, number: int, samples: Samples) -> None:
        clause = self._clauses[number]
        if len(samples):
            clause.chunks.append(samples)
            clause.ready += len(samples)

    def finish(self, number: int) -> None:
        self._clauses[number].complete = True

    def fail(self, number: int) -> None:
        """The voice broke off: what was not rendered counts as never written."""
        clause = self._clauses[number]
        clause.text, clause.complete = clause.heard_words(), True

    def knows(self, number: int) -> bool:
        return number in self._clauses

    def is_aside(self, number: int) -> bool:
        return self._clauses[number].aside

    @property
    def ready(self) -> bool:
        """Is there something to play in the next frame?"""
        clause = self._next()
        return not self.paused and clause is not None and clause.ready > 0

    @property
    def drained(self) -> bool:
        """Every clause so far was played to its end."""
        return self._next() is None

    @property
    def next_is_aside(self) -> bool:
        clause = self._next()
        return clause is not None and clause.aside

    def frame(self) -> tuple[Frame, bool]:
        """The next 20 ms, and whether any of it is the bot's voice."""
        if self.paused:
            return silence(), False
        out, filled = silence(), 0
        while filled < FRAME_SAMPLES and (clause := self._next()) is not None:
            part = clause.take(FRAME_SAMPLES - filled)
            if not len(part):
                break  # the voice is late: a short gap rather than a wrong order
            out[filled : filled + len(part)] = part
            filled += len(part)
        if filled and self._fade_in:
            out[:FADE_SAMPLES] = (out[:FADE_SAMPLES] * _FADE_IN).astype(np.int16)
            self._fade_in = False
        return out, filled > 0

    def pause(self) -> Frame:
        """Fall silent: a faded frame to play now; what it holds is kept to be played again."""
        out = silence()
        clause = self._next()
        if clause is not None and not self.paused:
            head = clause.take(FADE_SAMPLES)
            clause.give_back(head)
            out[: len(head)] = (head * _FADE_OUT[: len(head)]).astype(np.int16)
        self.paused = True
        return out

    def resume(self) -> None:
        """Go on at the exact sample."""
        self.paused, self._fade_in = False, True

    def reply(self) -> str:
        """The reply as sent to the voice so far."""
        return " ".join(each.text for each in self._in_order())

    def heard(self) -> str:
        """The part of `reply()` that was played, cut at a word boundary."""
        parts: list[str] = []
        for clause in self._in_order():
            words = clause.heard_words()
            if words:
                parts.append(words)
            if words != clause.text:
                break
        return " ".join(parts)

    def _in_order(self) -> list[Clause]:
        return [c for c in (self._clauses[each] for each in self._order) if not c.aside]

    def _next(self) -> Clause | None:
        for number in self._order:
            clause = self._clauses[number]
            if clause.aside and not clause.ready and not clause.played:
                continue  # a filler that is late itself holds nothing up
            if clause.ready or not clause.complete:
                return clause
        return None
