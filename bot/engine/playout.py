"""The bot's mouth: clauses in order, one frame a tick, and an account of what was heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Frame, Samples, silence

FADE_SAMPLES = 480  # 10 ms: no click when the bot falls silent or goes on
SAMPLES_PER_CHAR = BUS_HZ // 14  # a voice says about 14 characters a second
LONG_GAP_S = 1.0  # after a longer silence half a word means nothing: the word is said again
LOOK_BACK_S = 1.5  # how far back its beginning is looked for
BACK_S = 0.3  # how far to go back when the voice never paused
DIP_SAMPLES = 960  # windows of 20 ms; a dip of two of them is a gap between words
DIP_SHARE = 0.12  # of the usual level: that quiet is a dip
_FADE_OUT = np.linspace(1.0, 0.0, FADE_SAMPLES, dtype=np.float32)
_FADE_IN = _FADE_OUT[::-1]


@dataclass(slots=True)
class Clause:
    """One piece of the reply: its text, its audio as it arrives, how much was played."""

    text: str  # as written; what is heard is counted in its words
    spoken_chars: int  # of what the voice was given: "42" is longer aloud
    aside: bool = False  # a filler: heard, but no part of the reply
    complete: bool = False  # no more audio will come
    chunks: deque[Samples] = field(default_factory=deque)
    ready: int = 0  # samples waiting in chunks
    played: int = 0
    tail: deque[Samples] = field(default_factory=deque)  # the last LOOK_BACK_S that were played
    tail_samples: int = 0

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
        self._remember(taken)
        return taken

    def _remember(self, taken: Samples) -> None:
        self.tail.append(taken)
        self.tail_samples += len(taken)
        while self.tail_samples - len(self.tail[0]) > LOOK_BACK_S * BUS_HZ:
            self.tail_samples -= len(self.tail.popleft())

    def give_back(self, count: int) -> None:
        """Undo the last `count` samples that were taken, as far as they are remembered."""
        heard = np.concatenate(self.tail) if self.tail else np.zeros(0, np.int16)
        kept = max(0, len(heard) - count)
        self.tail = deque([heard[:kept]])
        self.tail_samples = kept
        self.chunks.appendleft(heard[kept:])
        self.ready += len(heard) - kept
        self.played -= len(heard) - kept

    def since_last_gap(self) -> int:
        """Samples played since the last gap between two words."""
        heard = np.concatenate(self.tail) if self.tail else np.zeros(0, np.int16)
        windows = heard[len(heard) % DIP_SAMPLES :].reshape(-1, DIP_SAMPLES).astype(np.float32)
        levels = np.sqrt(np.mean(windows**2, axis=1)) if len(windows) else np.zeros(0)
        quiet = levels < DIP_SHARE * max(1.0, float(np.median(levels))) if len(levels) else levels
        for index in range(len(quiet) - 1, 0, -1):
            if quiet[index] and quiet[index - 1]:
                return (len(quiet) - 1 - index) * DIP_SAMPLES
        return min(len(heard), round(BACK_S * BUS_HZ))

    @property
    def ahead(self) -> int:
        """Samples that will still be played, as far as is known."""
        if self.complete:
            return self.ready
        return max(self.ready, self.spoken_chars * SAMPLES_PER_CHAR - self.played)

    def heard_words(self) -> str:
        """The words played so far, cut at a word boundary, by share of the clause's length."""
        if self.complete and not self.ready:
            return self.text
        total = self.played + self.ready
        if not self.played or not total:
            return ""
        spoken = self.text.split()
        if not self.complete:  # its length is unknown yet: about 14 characters a second
            total = max(total, self.spoken_chars * SAMPLES_PER_CHAR)
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

    def add(
        self, number: int, text: str, *, aside: bool = False, written: str | None = None
    ) -> None:
        """A clause was sent to the voice. An aside is played before what is not yet heard."""
        self._clauses[number] = Clause(text if written is None else written, len(text), aside)
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
    def ahead_s(self) -> float:
        """Voice that waits to be heard; what is not rendered yet is estimated."""
        return sum(each.ahead for each in self._clauses.values()) / BUS_HZ

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
            clause.give_back(len(head))
            out[: len(head)] = (head * _FADE_OUT[: len(head)]).astype(np.int16)
        self.paused = True
        return out

    def resume(self, gap_s: float = 0.0) -> None:
        """Go on at the exact sample; after a long gap at the beginning of the last word."""
        clause = self._next()
        if self.paused and gap_s > LONG_GAP_S and clause is not None and clause.played:
            clause.give_back(clause.since_last_gap())
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
