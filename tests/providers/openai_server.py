"""A local server that speaks OpenAI's API, well or badly, for the tests of openai_compat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


def delta(text: str | None, finish: str | None = None) -> str:
    return json.dumps(
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
    )


@dataclass
class OpenAiServer:
    """Answers with what the test puts here, and remembers what it was asked."""

    status: int = 200
    chunks: list[bytes] = field(default_factory=list)  # of a streamed body
    stall: bool = False  # after the chunks: say nothing more
    cut: bool = False  # after the chunks: drop the connection
    text: str = "hello there"
    reply_headers: dict[str, str] = field(default_factory=dict)  # of a refusal
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    peers: set[tuple[str, int]] = field(default_factory=set)
    base_url: str = ""

    async def transcriptions(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        form = await request.post()
        upload = form["file"]
        assert isinstance(upload, web.FileField)
        fields = {key: value for key, value in form.items() if key != "file"}
        self.asked.append(fields | {"file": upload.file.read(), "filename": upload.filename})
        return self._refusal() or web.json_response({"text": self.text})

    async def streamed(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        self.asked.append(await request.json())
        if refusal := self._refusal():
            return refusal
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in self.chunks:
            await response.write(chunk)
            await asyncio.sleep(0.001)
        if self.stall:
            await asyncio.sleep(30)
        if self.cut:
            assert request.transport
            request.transport.abort()
        return response

    def events(self, *data: str) -> None:
        self.chunks = [f"data: {each}\n\n".encode() for each in data]

    def _note(self, request: web.Request) -> None:
        self.headers.append(dict(request.headers))
        if request.transport and (peer := request.transport.get_extra_info("peername")):
            self.peers.add(peer)

    def _refusal(self) -> web.Response | None:
        if self.status == 200:
            return None
        error = {"message": "no, thank you", "type": "x", "param": None, "code": None}
        return web.json_response({"error": error}, status=self.status, headers=self.reply_headers)


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAiServer]:
    server = OpenAiServer()
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", server.transcriptions)
    app.router.add_post("/v1/audio/speech", server.streamed)
    app.router.add_post("/v1/chat/completions", server.streamed)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
