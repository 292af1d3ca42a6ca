"""The audio of a scripted caller: one RTP socket in the event loop.

Where 20 ms have to be exact tests.support.rtp_wire is the witness; here a packet is judged for what
it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import time
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from tests.support.g711 import CODECS
from tests.support.rtp_wire import EVENT_TYPE, key_events, level_db

HZ = 8000  # RTP clock of G.711 and, by RFC 3551, of G.722
SPEECH_DB = -45.0
SILENCE_DB = -120.0
KINDS = {"PCMU": 0, "PCMA": 8, "G722": 9}
LAWS = {0: CODECS["PCMU"], 8: CODECS["PCMA"]}
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
PAD = "123A456B789C*0#D"


@dataclass(frozen=True, slots=True)
class Heard:
    """An RTP packet as it came."""

    at: float  # seconds, time.monotonic
    kind: int  # payload type
    timestamp: int
    loud: bool  # is it speech?


def g722(pcm: Any) -> list[bytes]:
    """16 kHz int16 as packets of 20 ms."""
    codec = av.CodecContext.create("g722", "w")
    codec.sample_rate, codec.layout, codec.format = 16000, "mono", "s16"
    packets = []
    for begin in range(0, len(pcm) // 320 * 320, 320):
        block = pcm[begin : begin + 320].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate = 16000
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


class Media(asyncio.DatagramProtocol):
    """`start` sends silence in packets of `ptime_ms`; `received` holds what came."""

    def __init__(self) -> None:
        self.received: list[Heard] = []
        self.port = 0
        self.target: tuple[str, int] | None = None
        self.kind = 0
        self.ptime_ms = 20
        self.loss = 0.0  # share of packets that are not sent
        self.jitter_s = 0.0  # each packet is held back for up to this long
        self.silent = False  # DTX: nothing is sent between words
        self._queue: list[tuple[int, bytes, int]] = []  # payload type, payload, steps back
        self._sender: asyncio.Task[None] | None = None
        self._ear = av.CodecContext.create("g722", "r")
        self._ear.sample_rate, self._ear.layout = 16000, "mono"
        self._keys: tuple[Session, Session] | None = None
        self._dice = random.Random(4475)
        self._seq, self._stamp, self._ssrc = 1000, 0, self._dice.randrange(1 << 32)

    @classmethod
    async def open(cls) -> Media:
        loop = asyncio.get_running_loop()
        made = cls()
        await loop.create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
        return made

    def connection_made(self, transport: Any) -> None:
        self._socket = transport
        self.port = transport.get_extra_info("sockname")[1]

    async def move(self) -> None:
        """Go on from another port, as a phone behind a NAT does that has forgotten the first one;
        what comes to the old port is not seen any more."""
        self._socket.close()
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._keys is not None:
            try:
                data = self._keys[0].unprotect(data)
            except SrtpError:
                return  # plain, or by another key
        if len(data) > 12 and data[0] >> 6 == 2:
            _, second, _, stamp = struct.unpack("!BBHI", data[:8])
            kind = second & 0x7F
            loud = self._level_db(kind, data[12:]) > SPEECH_DB
            self.received.append(Heard(time.monotonic(), kind, stamp, loud))

    def _level_db(self, kind: int, payload: bytes) -> float:
        if kind in LAWS:
            return level_db(LAWS[kind].decode(payload))
        if kind != KINDS["G722"]:
            return SILENCE_DB
        frames = self._ear.decode(av.Packet(payload))
        return level_db(np.concatenate([frame.to_ndarray()[0] for frame in frames]))

    def secure(self, theirs: bytes, ours: bytes) -> None:
        """SRTP from now on, by keys and salts of 30 octets (AES_CM_128_HMAC_SHA1_80)."""
        inbound = Policy(theirs, Policy.SSRC_ANY_INBOUND)
        self._keys = Session(inbound), Session(Policy(ours, Policy.SSRC_ANY_OUTBOUND))

    # ---- sending ------------------------------------------------------------------------------

    def start(self, target: tuple[str, int], kind: int) -> None:
        self.target, self.kind = target, kind
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    def stop(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    def close(self) -> None:
        self.stop()
        self._socket.close()

    def speak(self, seconds: float = 0.8) -> None:
        """A voice-like buzz."""
        wide = self.kind == KINDS["G722"]
        hz = 16000 if wide else HZ
        at = np.arange(round(seconds * hz)) / hz
        tone = sum(np.cos(2 * np.pi * 140 * k * at) / k for k in range(1, 9))
        pcm = (5000 * (0.6 + 0.4 * np.cos(2 * np.pi * 5 * at)) * tone / 2).astype(np.int16)
        if wide:
            self._queue += [(self.kind, each, 0) for each in g722(pcm)]
        else:
            self._play(pcm)

    def tones(self, digits: str) -> None:
        """DTMF in the audio itself (ITU-T Q.23): 100 ms each, 100 ms between."""
        at = np.arange(HZ // 10) / HZ
        for digit in digits:
            row, column = divmod(PAD.index(digit), 4)
            both = np.sin(2 * np.pi * ROWS[row] * at) + np.sin(2 * np.pi * COLUMNS[column] * at)
            self._play(np.concatenate([6000 * both, np.zeros(HZ // 10)]).astype(np.int16))

    def press(self, digits: str) -> None:
        """RFC 4733."""
        for digit in digits:
            for back, event in enumerate(key_events(digit, 100)):
                self._queue.append((EVENT_TYPE, event, back))
            self._play(np.zeros(HZ // 10, np.int16))

    async def drained(self) -> None:
        while self._queue:
            await asyncio.sleep(0.02)

    def _play(self, pcm: Any) -> None:
        size = HZ * self.ptime_ms // 1000
        for begin in range(0, len(pcm) // size * size, size):
            block = LAWS[self.kind].encode(pcm[begin : begin + size])
            self._queue.append((self.kind, block, 0))

    async def _send(self) -> None:
        due = time.monotonic()
        while True:
            size = HZ * self.ptime_ms // 1000
            silence = bytes([LAWS[self.kind].silence if self.kind in LAWS else 0xFA]) * size
            busy = bool(self._queue)
            kind, payload, back = self._queue.pop(0) if busy else (self.kind, silence, 0)
            stamp = (self._stamp - back * size) & 0xFFFFFFFF
            packet = struct.pack("!BBHII", 0x80, kind, self._seq, stamp, self._ssrc) + payload
            if (busy or not self.silent) and self._dice.random() >= self.loss:
                self._leave(self._keys[1].protect(packet) if self._keys else packet)
            self._seq = (self._seq + 1) & 0xFFFF
            self._stamp = (self._stamp + size) & 0xFFFFFFFF
            due += self.ptime_ms / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _leave(self, packet: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._dice.random() * self.jitter_s, self._put, packet)

    def _put(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            if not self._socket.is_closing():
                self._socket.sendto(packet, self.target)

    # ---- judging ------------------------------------------------------------------------------

    async def speech(self, timeout: float = 4.0, after: float = 0.0) -> Heard:
        """The first packet with speech that came after `after`."""
        until, seen = time.monotonic() + timeout, 0
        while True:
            fresh = self.received[seen:]
            seen += len(fresh)
            for packet in fresh:
                if packet.loud and packet.at > after:
                    return packet
            assert time.monotonic() < until, f"no speech in {timeout} s, {seen} packets came"
            await asyncio.sleep(0.02)

    async def quiet(self, seconds: float = 0.5, timeout: float = 15.0) -> None:
        """Wait until nothing loud has come for so long."""
        until = time.monotonic() + timeout
        while any(p.loud for p in self.received if p.at > time.monotonic() - seconds):
            assert time.monotonic() < until, "the bot never stops talking"
            await asyncio.sleep(0.05)

    async def flow(self, seconds: float = 0.5) -> list[Heard]:
        """What comes within the next `seconds`."""
        begun = time.monotonic()
        await asyncio.sleep(seconds)
        return [packet for packet in self.received if packet.at > begun]
