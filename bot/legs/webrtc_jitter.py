"""Puts a browser's packets back in order and holds each until it is due.

The playhead moves 20 ms per tick whatever comes. A packet that comes after its time, but before
anything later was played, takes the playhead back: the delay grows by what it was late. When
every packet of some seconds had more time in hand than the worst lately needed, the reader is
told to leave 20 ms out; after a stall, which brings much at once, ten packets are enough. So a
clean network costs only the wait for the next tick.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from bot.audio.frame import BUS_HZ, FRAME_S

MAX_PACKETS = 50  # of 20 ms; a burst's oldest are given up
JUMP = BUS_HZ // 2  # samples; a gap longer than this is jumped over, not waited for
MAX_DROPOUT = 3000  # packets; a larger jump is a new count, not a loss (RFC 3550)
STALE = BUS_HZ  # samples behind what was played: another timeline, when it goes on like that
STALE_PACKETS = 3
SOURCE_QUIET_S = 0.1  # another source is listened to when the one we hear was quiet so long
GUARD_S = 0.004  # kept in hand always: the event loop's own lateness
MAX_RESERVE_S = 0.1
FORGET = 0.5 ** (FRAME_S / 5)  # the worst lateness counts half after 5 s
SLOW, FAST = 100, 10  # packets watched before 20 ms are left out
DEEP_S = 0.1  # so much in hand is got rid of fast
SMOOTH = 0.05


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A packet waiting for its time."""

    at: int  # first sample, on a timeline that does not wrap
    seq: int
    arrived: float
    payload: bytes


class Watch:
    """The least time in hand of so many packets."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.begin()

    def begin(self) -> None:
        self._least, self._count = 1e9, 0

    def add(self, in_hand_s: float) -> None:
        self._least = min(self._least, in_hand_s)
        self._count += 1

    def over(self) -> float | None:
        """What it was, and watch anew; None while there are not enough."""
        if self._count < self._size:
            return None
        least = self._least
        self.begin()
        return least


class JitterBuffer:
    """One party's packets. Times are of any clock that does not go back."""

    def __init__(self) -> None:
        self.received = 0
        self.generation = 0  # counts the streams begun anew: a decoder's state ends with each
        self.delay_s = FRAME_S / 2  # smoothed: from arrival to playing
        self.heard_at = -1.0  # when the source was last heard
        self._before = 0  # packets lost of streams before
        self._source: int | None = None
        self._reset()

    def _reset(self) -> None:
        self._waiting: list[Due] = []
        self._first_seq = self._last_seq = self._got = 0
        self._time = 0  # timestamp of the packet that came last, unwrapped
        self._play: int | None = None
        self._done = -(1 << 62)  # all before this sample was played
        self._stale = 0
        self._reserve = 0.0
        self._slow, self._fast = Watch(SLOW), Watch(FAST)

    @property
    def lost(self) -> int:
        return self._before + self._lost_now()

    def _lost_now(self) -> int:
        return max(0, self._last_seq - self._first_seq + 1 - self._got) if self._got else 0

    # ---- what comes ------------------------------------------------------------------------

    def add(self, source: int, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        """A packet came: its SSRC, sequence number and timestamp as on the wire."""
        if source != self._source:
            if self._source is not None and now - self.heard_at < SOURCE_QUIET_S:
                return  # two at once: the one we hear goes on
            self._begin(source)
        self.heard_at = now
        if not self._got:
            self._first_seq = self._last_seq = seq
            self._time = timestamp
        seq = _unwrapped(seq, self._last_seq, 16)
        at = _unwrapped(timestamp, self._time, 32)
        if abs(seq - self._last_seq) > MAX_DROPOUT:
            self._before += self._lost_now()
            self._first_seq = self._last_seq = seq
            self._got = 0
        self.received += 1
        self._got += 1
        self._last_seq = max(self._last_seq, seq)
        if at < self._done:
            self._too_late(source, seq, timestamp, at)
            return
        self._stale = 0
        self._time = at
        if self._play is not None and at < self._play:
            late_s = (self._play - at) / BUS_HZ
            if late_s < MAX_RESERVE_S:
                self._reserve = max(self._reserve, late_s)
        if any(each.at == at for each in self._waiting):
            self._got -= 1  # a duplicate
            return
        heapq.heappush(self._waiting, Due(at, seq, now, payload))
        if len(self._waiting) > MAX_PACKETS:
            heapq.heappop(self._waiting)

    def _begin(self, source: int) -> None:
        self._before += self._lost_now()
        self._source = source
        self.generation += 1
        self._reset()

    def _too_late(self, source: int, seq: int, timestamp: int, at: int) -> None:
        """Of no use, unless the sender has set its clock back for good."""
        self._stale = self._stale + 1 if at < self._done - STALE else 0
        if self._stale >= STALE_PACKETS:
            self._begin(source)
            self._first_seq, self._last_seq, self._time, self._got = seq, seq, timestamp, 1

    # ---- what is played --------------------------------------------------------------------

    def take(self, now: float) -> bytes | None:
        """The packet that is due at the playhead, or None. `played` must follow a packet."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        if self._play is not None and self._play < first.at <= self._play + JUMP:
            return None
        heapq.heappop(self._waiting)
        self._play = first.at
        self._watch(now - first.arrived)
        return first.payload

    def played(self, samples: int) -> None:
        """What `take` gave was so long; 0 when it was no audio."""
        assert self._play is not None
        self._done = self._play + max(1, samples)
        self._play += samples

    def skip(self, samples: int) -> None:
        """Something was made up in place of what did not come."""
        if self._play is not None:
            self._play += samples

    def gap(self, most: int) -> int:
        """Samples until the next waiting packet is due, `most` at most."""
        if not self._waiting or self._play is None:
            return most
        return max(1, min(most, self._waiting[0].at - self._play))

    @property
    def ready(self) -> bool:
        """Does the next packet follow without a gap?"""
        return bool(self._waiting) and self._play is not None and self._waiting[0].at <= self._play

    def _watch(self, in_hand_s: float) -> None:
        self.delay_s += SMOOTH * (in_hand_s - self.delay_s)
        self._reserve *= FORGET
        self._slow.add(in_hand_s)
        self._fast.add(in_hand_s)

    def too_deep(self) -> bool:
        """May 20 ms be left out now? Says so once, then watches anew."""
        enough = FRAME_S + GUARD_S + self._reserve
        slow, fast = self._slow.over(), self._fast.over()
        deep = fast is not None and fast > max(DEEP_S, enough)
        deep = deep or (slow is not None and slow > enough)
        if deep:
            self._slow.begin()
            self._fast.begin()
        return deep


def _unwrapped(value: int, near: int, bits: int) -> int:
    """The number that ends in these `bits` and lies nearest to `near`."""
    span = 1 << bits
    away = (value - near) % span
    return near + (away - span if away >= span // 2 else away)
