"""The packet pump of the wire caller: a process of its own, so that nothing a test does in
Python can disturb its 20 ms. Standard library only; run as a script by rtp_wire.py.

Every stream sends one packet per 20 ms against an absolute deadline from `start` on, silence
when nothing is queued. What arrives carries the kernel's receive time (SO_TIMESTAMPNS), what
leaves the time around sendto(); both CLOCK_REALTIME in nanoseconds. Messages to and from the
parent are pickled tuples on a SOCK_SEQPACKET pair, see Pump.obey and Pump.tell.
"""

from __future__ import annotations

import contextlib
import gc
import heapq
import os
import pickle
import random
import select
import socket
import struct
import sys
import time
from collections import deque
from typing import Any

SO_TIMESTAMPNS = 35  # Linux; the socket module does not name it
PERIOD_NS = 20_000_000
STEP = 160  # RTP clock units in 20 ms at 8 kHz


def bound(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.setblocking(False)
    made.bind((address, 0))
    return made


class Network:
    """What happens to packets on the way: losses in bursts of `burst` on average (two-state
    Gilbert model), and a delay of up to `jitter_ms` for each, so that some overtake others."""

    def __init__(
        self, loss: float = 0.0, burst: float = 1.0, jitter_ms: float = 0.0, seed: int = 1
    ) -> None:
        self.recovers = 1 / burst
        self.fails = loss / (1 - loss) * self.recovers
        self.jitter_ns = jitter_ms * 1e6
        self.dice = random.Random(seed)
        self.losing = False
        self.waiting: list[tuple[int, int, bytes]] = []  # due (monotonic), order, packet
        self.order = 0

    def take(self, stream: Stream, packet: bytes) -> None:
        chance = 1 - self.recovers if self.losing else self.fails
        self.losing = self.dice.random() < chance
        if self.losing:
            return
        if not self.jitter_ns:
            stream.put(packet)
            return
        self.order += 1
        due = time.monotonic_ns() + round(self.dice.random() * self.jitter_ns)
        heapq.heappush(self.waiting, (due, self.order, packet))

    def pass_on(self, stream: Stream, now: int) -> None:
        while self.waiting and self.waiting[0][0] <= now:
            stream.put(heapq.heappop(self.waiting)[2])


class Stream:
    """One UDP socket with its sending side."""

    def __init__(self, address: str) -> None:
        self.socket = bound(address)
        self.queue: deque[tuple[int, int, int, bytes]] = deque()  # payload type, marker, back, body
        self.target: tuple[str, int] | None = None
        self.silence = (0, 0, 0, b"")
        self.due_ns = 0
        self.seq = random.randrange(1 << 15)
        self.timestamp = random.randrange(1 << 31)
        self.ssrc = random.randrange(1 << 32)
        self.units = STEP  # RTP clock units, and nanoseconds, of one packet
        self.period_ns = PERIOD_NS
        self.muted = False  # send nothing at all
        self.sparse = False  # send nothing for silence, as a phone with DTX does
        self.network = Network()

    def start(
        self, target: tuple[str, int], payload_type: int, silence: int, packet_ms: int
    ) -> None:
        if self.target is None:
            self.due_ns = time.monotonic_ns()
        self.target = target
        self.units = packet_ms * STEP // 20
        self.period_ns = packet_ms * 1_000_000
        self.silence = (payload_type, 0, 0, bytes([silence]) * self.units)

    def move(self, address: str) -> None:
        """Go on from another port (a NAT that has forgotten us), perhaps of another address."""
        old = self.socket
        self.socket = bound(address)
        old.close()

    def travel(self, loss: float, burst: float, jitter_ms: float) -> None:
        self.network = Network(loss, burst, jitter_ms)

    def clear(self) -> None:
        self.queue.clear()

    def behave(self, muted: bool, sparse: bool) -> None:
        self.muted, self.sparse = muted, sparse

    def send_due(self) -> tuple[int, int, int, int, bytes] | None:
        """Send one packet; (time ns, seq, timestamp, payload type, payload)."""
        quiet = not self.queue
        payload_type, marker, back, payload = self.silence if quiet else self.queue.popleft()
        stamp = (self.timestamp - back * self.units) & 0xFFFFFFFF
        sent = None
        if not self.muted and not (self.sparse and quiet):
            kind = marker << 7 | payload_type
            header = struct.pack("!BBHII", 0x80, kind, self.seq, stamp, self.ssrc)
            sent = (time.time_ns(), self.seq, stamp, payload_type, payload)
            self.network.take(self, header + payload)
            self.seq = (self.seq + 1) & 0xFFFF
        self.timestamp = (self.timestamp + self.units) & 0xFFFFFFFF
        self.due_ns += self.period_ns
        return sent

    def put(self, packet: bytes) -> None:
        # refused: the far side has closed its port, its BYE is on the way
        with contextlib.suppress(ConnectionRefusedError):
            self.socket.sendto(packet, self.target or ("127.0.0.1", 9))

    def receive(self) -> list[tuple[int, bytes]]:
        """All that waits in the socket as (kernel time ns, packet)."""
        got: list[tuple[int, bytes]] = []
        while True:
            try:
                packet, extra, _, _ = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return got
            except ConnectionRefusedError:
                continue
            seconds, nanos = struct.unpack("qq", extra[0][2][:16])
            got.append((seconds * 1_000_000_000 + nanos, packet))


class Pump:
    """All streams of one phone, and the line to the parent."""

    def __init__(self, parent: socket.socket) -> None:
        self.parent = parent
        self.streams: dict[int, Stream] = {}
        self.news: list[tuple[Any, ...]] = []
        self.outbox: deque[bytes] = deque()

    def run(self) -> None:
        while True:
            self.send_all_due()
            wait = self.seconds_to_next()
            sockets = {stream.socket: number for number, stream in self.streams.items()}
            ready, _, _ = select.select([self.parent, *sockets], [], [], wait)
            for each in ready:
                if each is self.parent:
                    if not self.obey():
                        return
                elif (number := sockets[each]) in self.streams:
                    for at_ns, packet in self.streams[number].receive():
                        self.news.append(("in", number, at_ns, packet))
            self.tell()

    def seconds_to_next(self) -> float:
        due = [stream.due_ns for stream in self.streams.values() if stream.target]
        due += [s.network.waiting[0][0] for s in self.streams.values() if s.network.waiting]
        return max(0.0, (min(due) - time.monotonic_ns()) / 1e9) if due else 1.0

    def send_all_due(self) -> None:
        now = time.monotonic_ns()
        for number, stream in self.streams.items():
            while stream.target and stream.due_ns <= now:
                busy = bool(stream.queue)
                if sent := stream.send_due():
                    self.news.append(("out", number, *sent))
                if busy and not stream.queue:
                    self.news.append(("drained", number))
            stream.network.pass_on(stream, now)

    def obey(self) -> bool:
        """Perform the parent's messages; False when the parent has gone."""
        message = self.parent.recv(1 << 20)
        if not message:
            return False
        name, number, *rest = pickle.loads(message)
        if name == "open":
            self.streams[number] = Stream(rest[0])
            self.news.append(("opened", number, self.streams[number].socket.getsockname()[1]))
        elif number not in self.streams:
            return True
        elif name == "start":
            self.streams[number].start(*rest)
        elif name == "queue":
            self.streams[number].queue.extend(rest[0])
        elif name in ("move", "travel", "clear", "behave"):
            getattr(self.streams[number], name)(*rest)
        elif name == "close":
            self.streams.pop(number).socket.close()
            self.news.append(("closed", number))
        return True

    def tell(self) -> None:
        """Hand the news over without ever waiting for the parent."""
        if self.news:
            self.outbox.append(pickle.dumps(self.news))
            self.news = []
        try:
            while self.outbox:
                self.parent.send(self.outbox[0], socket.MSG_DONTWAIT)
                self.outbox.popleft()
        except BlockingIOError:
            pass


def main() -> None:
    gc.disable()
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        Pump(socket.socket(fileno=int(sys.argv[1]))).run()  # until the parent has gone


if __name__ == "__main__":
    main()
