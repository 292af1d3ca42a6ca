"""Clouds of this machine with a real ear and a real voice, for whole calls.

They speak their vendor's wire format and refuse what it refuses, a wrong key among it. What they
hear is what was sent to them; it is not the bot's code that hears and speaks here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.audio import wav
from tests.providers.cloud_servers import GroqServer, SarvamServer
from tests.providers.vendor_server import VendorServer
from tests.support.phone import spoken, transcript

VOICE_HZ = 24_000  # as Groq's
PIECE_BYTES = 9600  # 200 ms of it


async def understood(asked: dict[str, Any]) -> str:
    """What an English listener hears in the WAV that was uploaded."""
    channels, rate_hz = wav.decode(asked["file"])
    return await asyncio.to_thread(transcript, channels[0], rate_hz)


@dataclass
class Listening(VendorServer):
    """`text` is what the last upload was understood as, unless it was refused."""

    async def before(self, request: web.Request, asked: dict[str, Any]) -> web.Response | None:
        instead = await super().before(request, asked)
        if instead is None and "file" in asked:
            self.text = await understood(asked)
        return instead


@dataclass
class RealGroq(Listening, GroqServer):
    """Hears and speaks; what it writes is `chunks`."""

    async def voice(self, asked: dict[str, Any]) -> list[bytes]:
        pcm = (await asyncio.to_thread(spoken, asked["input"], VOICE_HZ)).tobytes()
        pieces = [pcm[at : at + PIECE_BYTES] for at in range(0, len(pcm), PIECE_BYTES)]
        return [wav.header(VOICE_HZ, 1, wav.MAX_DATA_BYTES), *pieces]


@dataclass
class RealSarvam(Listening, SarvamServer):
    """Hears."""
