"""What a browser's call costs beside what aiortc alone would cost, in one run.

    python -m tests.bench.browser_cpu

The phones run in a process of their own and say something every eight seconds; only the time of
the process that answers is counted. Three answer: aiortc as an echo, our leg as an echo, and the
whole bot (rooms, session, engine, records) with providers that take no time.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES
from bot.legs.opus import TIME_BASE, OpusEncoder
from bot.legs.webrtc import WebRtcEndpoint, WebRtcSettings
from bot.web.rooms import Rooms
from tests.bench.house import BenchHouse
from tests.bench.numbers import percentile

CALLS = 6
SECONDS = 16.0  # two turns of everybody
ROUNDS = 2  # of bare and bot in turn, for the machine's speed changes
SETTLE_S = 2.0
SAID_S, QUIET_S = 2.0, 6.0


def measure(calls: int = CALLS, seconds: float = SECONDS) -> dict[str, float]:
    """Shares of a core per call, their ratio, and the gaps between our packets as they arrive."""
    runs = [(_run(_Bare, calls, seconds), _run(_Bot, calls, seconds)) for _ in range(ROUNDS)]
    bare, ours = ([each[side] for each in runs] for side in (0, 1))
    echo = _run(_Ours, calls, seconds)

    def middle(runs: list[dict[str, float]], key: str) -> float:
        return float(np.median([each[key] for each in runs]))

    return {
        "calls": calls,
        "bare_cpu_per_call": round(middle(bare, "cpu") / calls, 4),
        "cpu_per_call": round(middle(ours, "cpu") / calls, 4),
        "ratio": round(middle(ours, "cpu") / middle(bare, "cpu"), 3),
        "leg_alone_ratio": round(echo["cpu"] / middle(bare, "cpu"), 3),
        "gap_p50_ms": middle(ours, "p50"),
        "gap_p99_ms": middle(ours, "p99"),
        "gap_max_ms": round(max(each["max"] for each in ours), 1),
        "bare_gap_p99_ms": middle(bare, "p99"),
    }


class _Bare:
    """aiortc as it comes: decode, hand back, encode."""

    async def start(self) -> None:
        self.connections: list[RTCPeerConnection] = []

    async def take(self, offer: str) -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connections.append(connection)

        @connection.on("track")
        def echo(track: MediaStreamTrack) -> None:
            connection.addTrack(track)

        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return connection.localDescription.sdp

    async def stop(self) -> None:
        await asyncio.gather(*(each.close() for each in self.connections))


class _Ours:
    """Our legs, each frame written back."""

    async def start(self) -> None:
        self.endpoint = WebRtcEndpoint(WebRtcSettings(max_calls=50))
        await self.endpoint.start()
        self.echoes: list[asyncio.Task[None]] = []

    async def take(self, offer: str) -> str:
        leg = self.endpoint.offered(offer, leg_id=str(len(self.echoes)), called="1")
        await leg.answer()

        async def echo() -> None:
            async for frame in leg.frames():
                leg.write(frame)

        self.echoes.append(asyncio.ensure_future(echo()))
        return await leg.negotiated()

    async def stop(self) -> None:
        await self.endpoint.close()


class _Bot:
    """Everything a web worker has but its HTTP."""

    async def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.house = BenchHouse(Path(self.folder.name))
        self.endpoint = WebRtcEndpoint(WebRtcSettings(max_calls=50))
        await self.endpoint.start()
        self.rooms = Rooms(self.endpoint, self.house.manager, 50)
        self.rooms.ready = True
        await self.house.warm_up()

    async def take(self, offer: str) -> str:
        room = self.rooms.reserve("1000", "")
        return await self.rooms.offer(room, offer)

    async def stop(self) -> None:
        await self.house.manager.drain("bench over", 1.0)
        await self.endpoint.close()
        self.house.close()
        self.folder.cleanup()


def _run(kind: Callable[[], Any], calls: int, seconds: float) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    phones = context.Process(target=_phones, args=(there, calls), daemon=True)
    phones.start()
    try:
        return asyncio.run(_echo(kind(), here, seconds))
    finally:
        phones.join(20)


async def _echo(side: Any, pipe: Connection, seconds: float) -> dict[str, float]:
    loop = asyncio.get_running_loop()

    def hear() -> Awaitable[Any]:
        return loop.run_in_executor(None, pipe.recv)

    await side.start()
    pipe.send([await side.take(offer) for offer in await hear()])
    await hear()  # connected
    await asyncio.sleep(SETTLE_S)
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    cpu = (time.process_time() - cpu) / (time.perf_counter() - began)
    pipe.send("enough")
    gaps_ms = await hear()
    await side.stop()
    return {
        "cpu": cpu,
        "p50": percentile(gaps_ms, 50),
        "p99": percentile(gaps_ms, 99),
        "max": max(gaps_ms),
    }


# ---- the phones' process: as little work as possible, they share the cores


class _Sound(MediaStreamTrack):
    """The same second of packets again and again."""

    kind = "audio"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self._packets = packets
        self._sent = 0
        self._began = 0.0

    async def recv(self) -> Any:
        now = time.monotonic()
        self._began = self._began or now
        await asyncio.sleep(self._began + self._sent * 0.02 - now)
        packet = av.Packet(self._packets[self._sent % len(self._packets)])
        packet.pts = self._sent * FRAME_SAMPLES
        packet.time_base = TIME_BASE
        self._sent += 1
        return packet


def _sound() -> list[bytes]:
    """Something like vowels and hiss, then time for an answer."""
    at = np.arange(round(SAID_S * BUS_HZ)) / BUS_HZ
    voice = sum(np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 20))
    hiss = np.random.default_rng(3).normal(0, 0.1, len(at))
    line = (4000 * (voice * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * at)) + hiss)).astype(np.int16)
    line = np.concatenate((line, np.zeros(round(QUIET_S * BUS_HZ), np.int16)))
    encoder = OpusEncoder()
    return [
        bytes(encoder.encode(line[start : start + FRAME_SAMPLES].tobytes()))
        for start in range(0, len(line), FRAME_SAMPLES)
    ]


def _phones(pipe: Connection, calls: int) -> None:
    asyncio.run(_talk(pipe, calls))


async def _talk(pipe: Connection, calls: int) -> None:
    loop = asyncio.get_running_loop()
    packets = _sound()
    arrivals: list[list[float]] = [[] for _ in range(calls)]
    lines = [RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(calls)]
    for line, seen in zip(lines, arrivals, strict=True):
        line.addTrack(_Sound(packets))
        (transceiver,) = line.getTransceivers()
        transceiver.receiver._handle_rtp_packet = _noting(seen)
        await line.setLocalDescription(await line.createOffer())
    pipe.send([line.localDescription.sdp for line in lines])
    answers = await loop.run_in_executor(None, pipe.recv)
    for line, answer in zip(lines, answers, strict=True):
        await line.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    while any(line.connectionState != "connected" for line in lines):
        await asyncio.sleep(0.05)
    pipe.send("connected")
    await loop.run_in_executor(None, pipe.recv)
    gaps_ms = [float(gap) * 1000 for seen in arrivals for gap in np.diff(seen[50:])]
    pipe.send(gaps_ms)
    await asyncio.gather(*(line.close() for line in lines))


def _noting(seen: list[float]) -> Callable[..., Awaitable[None]]:
    async def note(packet: Any, arrival_time_ms: int) -> None:
        seen.append(time.monotonic())

    return note


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
