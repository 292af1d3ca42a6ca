"""A browser's call in this process, for the tests of the leg: endpoint, aiortc phone, and tones."""

from __future__ import annotations

import asyncio
import contextlib
import time

import numpy as np
import psutil

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, silence
from bot.legs.webrtc import WebRtcEndpoint, WebRtcSettings
from tests.support.webrtc_phone import WebRtcPhone


@contextlib.asynccontextmanager
async def house(**settings):
    endpoint = WebRtcEndpoint(WebRtcSettings(**settings))
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.close()


@contextlib.asynccontextmanager
async def call(**settings):
    async with house(**settings) as endpoint:
        phone = WebRtcPhone()
        try:
            leg = await phone.dial(endpoint)
            await leg.answer()
            await phone.answered()
            await until(lambda: leg._paths._up)
            leg.events()
            yield endpoint, phone, leg
        finally:
            await phone.close()


def tone(index: int, hz: float) -> np.ndarray:
    at = np.arange(index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES) / BUS_HZ
    return np.rint(8000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)


async def talk(leg, heard: list, hz: float = 0.0) -> None:
    """Read (frame, time) until the leg ends, and say a tone."""
    async for frame in leg.frames():
        heard.append((frame, time.monotonic()))
        leg.write(tone(len(heard), hz) if hz else silence())


async def until(true, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def loudest_hz(heard: list) -> float:
    run = np.concatenate([frame for frame, _ in heard]).astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(run * np.hanning(len(run))))) * BUS_HZ / len(run))


def udp_sockets() -> int:
    """Open ones of this process."""
    return len(psutil.Process().net_connections("udp"))
