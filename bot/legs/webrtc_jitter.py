"""From packets as they come to 20 ms at each tick: order, delay, loss.

The delay sets itself. A packet that comes too late leaves a gap, and the packets behind it then
wait one tick longer than before; when for some seconds more packets wait than are needed, one
frame is left out, in a silence if there is one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, Samples, level_db

SPARE = 1  # packets that are to wait behind the one that is played
LOOK_TICKS = 100  # so long more have to wait before a frame is left out: 2 s
QUIET_DB = -50.0  # a frame nobody misses
PATIENCE = 5 * LOOK_TICKS  # then one is left out of speech as well
MOST_WAITING = 25  # packets, half a second: what waits behind is thrown away
CONCEALED = 3  # frames that are made up for a loss, fading; then it is silence
FADE = 0.6  # of each made-up frame against the one before
LEAP = 200  # sequence numbers: another stream


class JitterBuffer:
    """One direction of one call. Times are of the event loop, in seconds."""

    def __init__(self, decode: Callable[[bytes], Samples]) -> None:
        self.received = self.lost = self.dropped = 0
        self.wait_s = FRAME_S  # a packet's wait here, on average
        self._decode = decode
        self._waiting: dict[int, tuple[float, bytes]] = {}  # by extended sequence number
        self._next: int | None = None
        self._newest = 0
        self._source = 0
        self._left = np.zeros(0, np.int16)  # decoded, not yet a frame
        self._last: deque[Frame] = deque(maxlen=1)
        self._made_up = 0
        self._ticks, self._fewest = 0, MOST_WAITING

    def add(self, source: int, sequence: int, payload: bytes, now: float) -> None:
        """A packet came."""
        self.received += 1
        if source != self._source or self._next is None:
            self._restart(source, sequence)
        number = self._newest + ((sequence - self._newest + 0x8000) & 0xFFFF) - 0x8000
        assert self._next is not None
        if abs(number - self._newest) > LEAP:
            self._restart(source, sequence)
            number = sequence
        if number < self._next:
            return  # its turn has passed, or it came twice
        self._newest = max(self._newest, number)
        self._waiting.setdefault(number, (now, payload))
        while len(self._waiting) > MOST_WAITING:
            self._drop_oldest()

    def _restart(self, source: int, sequence: int) -> None:
        self._source, self._newest, self._next = source, sequence, sequence
        self._waiting.clear()

    def _drop_oldest(self) -> None:
        oldest = min(self._waiting)
        del self._waiting[oldest]
        self._next = oldest + 1
        self.dropped += 1

    def take(self, now: float) -> Frame | None:
        """The frame of this tick, None when there is nothing to play."""
        self._shrink()
        while len(self._left) < FRAME_SAMPLES:
            samples = self._next_samples(now)
            if samples is None:
                return self._nothing_came()
            self._left = np.concatenate((self._left, samples))
        frame, self._left = self._left[:FRAME_SAMPLES], self._left[FRAME_SAMPLES:]
        self._last.append(frame)
        self._made_up = 0
        return frame

    def _next_samples(self, now: float) -> Samples | None:
        """Of the next packet, or made up where it is lost; None when nothing waits."""
        if self._next is None or not self._waiting:
            return None
        found = self._waiting.pop(self._next, None)
        self._next += 1
        if found is None:
            self.lost += 1
            return self._conceal()
        came, payload = found
        self.wait_s += (now - came - self.wait_s) / 50
        samples = self._decode(payload)
        return samples if len(samples) else self._conceal()

    def _conceal(self) -> Frame:
        """The last frame again, softer each time."""
        self._made_up += 1
        if not self._last or self._made_up > CONCEALED:
            return np.zeros(FRAME_SAMPLES, np.int16)
        return np.asarray(self._last[0] * FADE**self._made_up, np.int16)

    def _nothing_came(self) -> Frame | None:
        """The stream is late, or pauses: what is left of it is played out."""
        if len(self._left):
            short = FRAME_SAMPLES - len(self._left)
            frame, self._left = np.pad(self._left, (0, short)), np.zeros(0, np.int16)
            return frame
        if self._last and self._made_up < CONCEALED:
            frame = self._conceal()
            if self._made_up == CONCEALED:
                self._last.clear()
            return frame
        return None

    def _shrink(self) -> None:
        """Too much has been waiting for a while: leave a frame out."""
        depth = len(self._waiting) + len(self._left) // FRAME_SAMPLES
        self._fewest = min(self._fewest, depth)
        self._ticks += 1
        if self._ticks < LOOK_TICKS or self._fewest <= SPARE:
            if self._fewest <= SPARE and self._ticks >= LOOK_TICKS:
                self._ticks, self._fewest = 0, MOST_WAITING
            return
        quiet = not self._last or level_db(self._last[0]) < QUIET_DB
        if quiet or self._ticks >= PATIENCE:
            found = self._waiting.pop(self._next, None) if self._next is not None else None
            if found is not None and self._next is not None:
                self._decode(found[1])  # the decoder remembers
                self._next += 1
                self.dropped += 1
            self._ticks, self._fewest = 0, MOST_WAITING
