"""What a browser's call costs beside what aiortc alone would cost; both echo, in one run.

    python -m tests.bench.browser_cpu

The phones run in a process of their own and send speech-like sound; only the echoing process's
time is counted.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
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
from tests.bench.numbers import percentile

CALLS = 6
SECONDS = 10.0
SETTLE_S = 2.0


def measure(calls: int = CALLS, seconds: float = SECONDS) -> dict[str, float]:
    """Shares of a core per call, their ratio, and the gaps between our packets as they arrive."""
    bare = _run(_Bare, calls, seconds)
    ours = _run(_Ours, calls, seconds)
    return {
        "calls": calls,
        "bare_cpu_per_call": bare["cpu"] / calls,
        "cpu_per_call": ours["cpu"] / calls,
        "ratio": ours["cpu"] / bare["cpu"],
        "gap_p50_ms": ours["p50"],
        "gap_p99_ms": ours["p99"],
        "gap_max_ms": round(ours["max"], 1),
        "bare_gap_p99_ms": bare["p99"],
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
    """A second that sounds like vowels and hiss."""
    at = np.arange(BUS_HZ) / BUS_HZ
    voice = sum(np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 20))
    hiss = np.random.default_rng(3).normal(0, 0.1, BUS_HZ)
    line = (4000 * (voice * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * at)) + hiss)).astype(np.int16)
    encoder = OpusEncoder()
    return [
        bytes(encoder.encode(line[start : start + FRAME_SAMPLES].tobytes()))
        for start in range(0, BUS_HZ, FRAME_SAMPLES)
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
