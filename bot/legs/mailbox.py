"""A leg's audio on its way between whoever keeps the time and the event loop, bounded."""

from __future__ import annotations

from asyncio import Event
from collections import deque

from bot.audio.frame import FRAME_S

INBOUND_FRAMES = 50  # one second of a stalled event loop
OUTBOUND_FRAMES = 5
QUIET_AHEAD = 1  # with a frame still waiting, digital silence is not worth its delay


class Mailbox:
    """One leg's two queues of 20 ms each. `silence` is such a block of zeros at the leg's rate.

    Safe between the clock's thread and the loop's without a lock: deque operations are atomic
    and each counter has one writing thread.
    """

    def __init__(self, silence: bytes) -> None:
        self.silence = silence
        self.arrived: bytes | None = None  # what came in this tick
        self.inbound: deque[bytes | None] = deque()  # None: nothing had come
        self.outbound: deque[bytes] = deque()
        self.wake = Event()  # only touched in the event loop
        self.dropped_in = 0
        self.dropped_out = 0
        self.underruns = 0

    def end_tick(self) -> None:
        """Clock: exactly one entry per tick, whatever came."""
        if len(self.inbound) >= INBOUND_FRAMES:
            self.inbound.popleft()
            self.dropped_in += 1
        self.inbound.append(self.arrived)
        self.arrived = None

    def next_out(self) -> bytes | None:
        """Clock: the next frame to send."""
        try:
            return self.outbound.popleft()
        except IndexError:
            self.underruns += 1
            return None

    def put(self, pcm: bytes) -> None:
        """Event loop: queue 20 ms. In step with the clock nothing waits any more when the next
        frame comes; silence behind a frame is left out, so that the extra delay an underrun
        leaves behind ends with the first pause."""
        if len(self.outbound) >= QUIET_AHEAD and pcm == self.silence:
            return
        if len(self.outbound) >= OUTBOUND_FRAMES:
            self._drop_oldest()
        self.outbound.append(pcm)

    def _drop_oldest(self) -> None:
        try:
            self.outbound.popleft()
        except IndexError:  # the clock was faster
            return
        self.dropped_out += 1

    def flush(self) -> float:
        """Event loop: empty the outbound side; seconds dropped."""
        count = 0
        while self.outbound:
            try:
                self.outbound.popleft()
            except IndexError:
                break
            count += 1
        return count * FRAME_S
