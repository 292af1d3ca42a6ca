"""The parent's side of the packet pump, and what can be read out of a call's packets."""

from __future__ import annotations

import asyncio
import itertools
import math
import pickle
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from tests.support.g711 import PCMU, Codec, Pcm

EVENT_TYPE = 101  # our payload type for telephone-event
KEYS = "0123456789*#ABCD"
AUDIO_DB = -56.0  # what the bot sends between replies is comfort noise at -62
SPEECH_DB = -45.0  # a packet louder than this is speech; Piper's pauses lie far below
PACKET_S = 0.02
QUEUE_CHUNK = 200  # packets per message, well under the socket pair's buffer


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet as it crossed the wire."""

    at: float  # seconds, CLOCK_REALTIME: kernel receive time, or the time of sendto()
    seq: int
    timestamp: int
    payload_type: int
    payload: bytes


@dataclass
class RtpStream:
    """Both directions of one call's audio; filled by the pump while the event loop runs."""

    number: int
    media: MediaProcess
    codec: Codec = PCMU
    port: int = 0
    packet_ms: int = 20  # of the packets we send
    received: list[Packet] = field(default_factory=list)
    sent: list[Packet] = field(default_factory=list)
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self, host: str, port: int, codec: Codec) -> None:
        """Send to `host:port` from now on (silence while nothing is queued)."""
        self.codec = codec
        kind = codec.payload_type
        self.media.order("start", self.number, (host, port), kind, codec.silence, self.packet_ms)

    def say(self, pcm: Pcm) -> None:
        """Queue 8 kHz int16 speech; `drained` is set when its last packet has left."""
        step = self.packet_ms * 8
        whole = np.concatenate([pcm, np.zeros(-len(pcm) % step, np.int16)])
        body = self.codec.encode(whole)
        kind = self.codec.payload_type
        self._queue([(kind, 0, 0, body[at : at + step]) for at in range(0, len(body), step)])

    def press(self, digits: str, hold_ms: int = 100, gap_ms: int = 80) -> None:
        """Queue RFC 4733 events: one packet per 20 ms, the end packet three times."""
        quiet = (self.codec.payload_type, 0, 0, bytes([self.codec.silence]) * 160)
        items = []
        for digit in digits:
            # all packets of one event carry the timestamp of its beginning: `back` steps ago
            items += [
                (EVENT_TYPE, int(back == 0), back, body)
                for back, body in enumerate(key_events(digit, hold_ms))
            ]
            items += [quiet] * (gap_ms // 20)
        self._queue(items)

    def _queue(self, items: list[tuple[int, int, int, bytes]]) -> None:
        self.drained.clear()
        for at in range(0, len(items), QUEUE_CHUNK):
            self.media.order("queue", self.number, items[at : at + QUEUE_CHUNK])

    def stop_talking(self) -> None:
        """Drop what is queued; silence from the next packet on."""
        self.media.order("clear", self.number)
        self.drained.set()

    def mute(self, on: bool = True) -> None:
        """Send nothing at all, as a phone that has gone."""
        self.media.order("behave", self.number, on, False)

    def sparse(self, on: bool = True) -> None:
        """Send nothing for silence, as a phone with DTX."""
        self.media.order("behave", self.number, False, on)

    def move(self, address: str = "127.0.0.1") -> None:
        """Send and receive at another port from now on."""
        self.media.order("move", self.number, address)

    def network(self, loss: float, burst: float = 1.0, jitter_ms: float = 0.0) -> None:
        """Lose that share of our packets, so many in a row on average; delay the others by up to
        `jitter_ms`. Deterministic. `sent` tells what was sent, lost or not."""
        self.media.order("travel", self.number, loss, burst, jitter_ms)

    async def close(self) -> None:
        """Close the socket; the logs are complete afterwards."""
        if not self.closed.is_set():
            self.media.order("close", self.number)
            await asyncio.wait_for(self.closed.wait(), 5)

    # ---- what can be read out of it -------------------------------------------------------

    @property
    def audio_in(self) -> list[Packet]:
        """Received packets of the agreed codec."""
        return [packet for packet in self.received if packet.payload_type in (0, 8)]

    def heard(self, since: float = 0.0, until: float = math.inf) -> Pcm:
        """What arrived in that time as 8 kHz int16, lost packets as silence."""
        return decoded([p for p in self.audio_in if since <= p.at < until], self.codec)

    def spoken(self, since: float = 0.0, until: float = math.inf) -> Pcm:
        """What was sent in that time as 8 kHz int16."""
        packets = [p for p in self.sent if p.payload_type in (0, 8) and since <= p.at < until]
        return decoded(packets, self.codec)

    def last_speech_sent(self, before: float = math.inf) -> float | None:
        """Time of the last packet with speech that left before `before`."""
        for packet in reversed(self.sent):
            if packet.at < before and is_speech(packet, self.codec):
                return packet.at
        return None

    def first_speech_heard(self, after: float = 0.0) -> float | None:
        """Time of the first packet with speech that arrived after `after`."""
        return self._first_heard(after, SPEECH_DB)

    def first_audio_heard(self, after: float = 0.0) -> float | None:
        """Time of the first packet after `after` that is no silence: a word may begin softly."""
        return self._first_heard(after, AUDIO_DB)

    def _first_heard(self, after: float, over_db: float) -> float | None:
        for packet in self.received:
            if packet.at > after and is_speech(packet, self.codec, over_db):
                return packet.at
        return None

    def last_speech_heard(self, after: float = 0.0) -> float | None:
        for packet in reversed(self.received):
            if packet.at <= after:
                return None
            if is_speech(packet, self.codec):
                return packet.at
        return None


class MediaProcess:
    """Owns the pump's process; every stream of one phone lives in it."""

    def __init__(self) -> None:
        self.streams: dict[int, RtpStream] = {}
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        script = Path(__file__).with_name("rtp_process.py")
        # -I -S: nothing but the standard library, so it starts in some 20 ms
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        ours.setblocking(False)
        self._line = ours
        asyncio.get_running_loop().add_reader(ours, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
        self.process.wait(5)

    async def open(self, address: str = "127.0.0.1") -> RtpStream:
        """A stream with its own bound UDP port."""
        stream = RtpStream(next(self._numbers), self)
        self.streams[stream.number] = stream
        self.order("open", stream.number, address)
        await asyncio.wait_for(stream.opened.wait(), 5)
        return stream

    def order(self, name: str, number: int, *rest: object) -> None:
        self._line.send(pickle.dumps((name, number, *rest)))

    def _read(self) -> None:
        while True:
            try:
                message = self._line.recv(1 << 21)
            except BlockingIOError:
                return
            if not message:
                asyncio.get_running_loop().remove_reader(self._line)
                return
            for name, number, *rest in pickle.loads(message):
                self._take(name, self.streams[number], rest)

    def _take(self, name: str, stream: RtpStream, rest: list[object]) -> None:
        if name == "in":
            packet = parsed(*rest)  # type: ignore[arg-type]
            if packet:
                stream.received.append(packet)
        elif name == "out":
            at_ns, seq, timestamp, kind, payload = rest
            stream.sent.append(Packet(at_ns / 1e9, seq, timestamp, kind, payload))  # type: ignore[operator,arg-type]
        elif name == "opened":
            stream.port = rest[0]  # type: ignore[assignment]
            stream.opened.set()
        elif name == "drained":
            stream.drained.set()
        elif name == "closed":
            stream.closed.set()
            stream.drained.set()
            del self.streams[stream.number]


def key_events(digit: str, hold_ms: int) -> list[bytes]:
    """The telephone-event payloads of one key, one per 20 ms, the end told three times."""
    last = hold_ms // 20
    steps = [*range(1, last + 1), last, last]
    volume_dbm0 = 10  # -10 dBm0
    return [
        struct.pack(
            "!BBH",
            KEYS.index(digit),
            (0x80 if step == last else 0) | volume_dbm0,
            step * 160,
        )
        for step in steps
    ]


def parsed(at_ns: int, packet: bytes) -> Packet | None:
    """An RTP packet read into its parts; None for anything else."""
    if len(packet) < 12 or packet[0] >> 6 != 2:
        return None
    first, second, seq, timestamp, _ = struct.unpack("!BBHII", packet[:12])
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10:  # a header extension
        start += 4 + 4 * struct.unpack("!H", packet[start + 2 : start + 4])[0]
    stop = len(packet) - (packet[-1] if first & 0x20 else 0)
    return Packet(at_ns / 1e9, seq, timestamp, second & 0x7F, packet[start:stop])


def level_db(pcm: Pcm) -> float:
    """RMS in dBFS, −120 for digital silence."""
    power = float(np.mean(np.square(pcm.astype(np.float64)))) if len(pcm) else 0.0
    return max(-120.0, 10 * math.log10(power / 32768.0**2)) if power else -120.0


def is_speech(packet: Packet, codec: Codec, over_db: float = SPEECH_DB) -> bool:
    return packet.payload_type in (0, 8) and level_db(codec.decode(packet.payload)) > over_db


def decoded(packets: Sequence[Packet], codec: Codec) -> Pcm:
    """Audio of the packets, each at its RTP timestamp, gaps as silence."""
    if not packets:
        return np.zeros(0, np.int16)
    start = packets[0].timestamp
    places = [((p.timestamp - start + 2**31) & 0xFFFFFFFF) - 2**31 for p in packets]
    base = min(places)
    out = np.zeros(max(places) - base + max(len(p.payload) for p in packets), np.int16)
    for place, packet in zip(places, packets, strict=True):
        pcm = codec.decode(packet.payload)
        out[place - base : place - base + len(pcm)] = pcm
    return out


def intervals_ms(packets: Sequence[Packet]) -> dict[str, float]:
    """Time between arrivals: p50, p99 and max in milliseconds."""
    gaps = np.diff([packet.at for packet in packets]) * 1000
    if not len(gaps):
        return {"p50": math.nan, "p99": math.nan, "max": math.nan}
    p50, p99 = np.percentile(gaps, [50, 99])
    return {
        "p50": round(float(p50), 2),
        "p99": round(float(p99), 2),
        "max": round(float(max(gaps)), 2),
    }


def lost(packets: Sequence[Packet]) -> int:
    """Packets missing between the first and the last sequence number."""
    if not packets:
        return 0
    start = packets[0].seq
    offsets = {((p.seq - start + 2**15) & 0xFFFF) - 2**15 for p in packets}
    return max(offsets) - min(offsets) + 1 - len(offsets)
