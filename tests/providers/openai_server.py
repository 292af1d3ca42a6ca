"""A local server that speaks OpenAI's API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from aiohttp import web

from tests.providers.vendor_server import VendorServer, delta, loud, serving, speech

__all__ = ["OpenAiServer", "delta", "openai_server"]


class OpenAiServer(VendorServer):
    prefix: ClassVar[str] = "/v1"
    path: ClassVar[str] = "/v1"
    without_tools: tuple[int, str] | None = None  # how it refuses a request that speaks of them

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{self.path}/audio/transcriptions", self.transcriptions),
            web.post(f"{self.path}/audio/speech", self.speech),
            web.post(f"{self.path}/chat/completions", self.chat),
        ]

    async def transcriptions(self, request: web.Request) -> web.StreamResponse:
        asked = await self.uploaded(request)
        if instead := await self.before(request, asked):
            return instead
        return await self.json(request, self.transcription(asked))

    def transcription(self, asked: dict[str, Any]) -> dict[str, Any]:
        text = self.hears if self.hears and loud(asked["file"]) else self.text
        return {"text": text if not self.hears or loud(asked["file"]) else ""}

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if instead := await self.before(request, asked):
            return instead
        if self.without_tools and "tools" in asked:
            return self.refusal(*self.without_tools)
        chunks = self.script.pop(0) if self.script else self.chunks
        return await self.streamed(request, chunks, {"Content-Type": "text/event-stream"})

    async def speech(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if instead := await self.before(request, asked):
            return instead
        return await self.streamed(request, await self.voice(asked))

    async def voice(self, asked: dict[str, Any]) -> list[bytes]:
        """The body of an answer to /audio/speech."""
        return await speech(asked) if self.speaks else self.chunks


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAiServer]:
    async with serving(OpenAiServer()) as server:
        yield server
