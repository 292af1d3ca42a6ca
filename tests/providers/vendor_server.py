"""Local servers that speak the wire formats of vendors, well or badly.

What a test puts into a server's fields it answers with; what it was asked it remembers. With
`hears` and `speaks` set it is as the vendor is: audio in, words out, and the other way round.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from aiohttp import web

from bot.audio import wav
from bot.providers.base import Voice
from bot.providers.mock import MockTextToSpeech

STALL_S = 30.0
KEY = "test-key-0123456789abcdef"


def delta(text: str | None, finish: str | None = None) -> str:
    return json.dumps(
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
    )


@dataclass
class VendorServer:
    """What the servers of all vendors can do, and do wrong."""

    prefix: ClassVar[str] = ""
    status: int = 200
    only: str = ""  # paths with this in them are refused with `status`
    message: str = "no, thank you"  # of a refusal
    reply_headers: dict[str, str] = field(default_factory=dict)  # of a refusal
    delay_s: float = 0.0  # before anything is answered
    cut_before: bool = False  # drop the connection instead of answering
    malformed: bytes | None = None  # instead of the body
    chunks: list[bytes] = field(default_factory=list)  # of a streamed body
    script: list[list[bytes]] = field(default_factory=list)  # chat replies that come before those
    stall: bool = False  # after the chunks, or in the middle of a JSON body: say nothing more
    cut: bool = False  # likewise: drop the connection
    text: str = "hello there"
    hears: str = ""  # said to be heard in whatever is loud
    speaks: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    peers: set[tuple[str, int]] = field(default_factory=set)
    base_url: str = ""
    runner: web.AppRunner | None = None

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    def authorised(self, request: web.Request) -> bool:
        return True

    def connections(self) -> int:
        """How many are open to it."""
        assert self.runner and self.runner.server
        return len(self.runner.server.connections)

    def events(self, *data: str) -> None:
        self.chunks = [f"data: {each}\n\n".encode() for each in data]

    def first(self, *data: str) -> None:
        """What the next chat request not scripted yet is answered with, before `events`."""
        self.script.append([f"data: {each}\n\n".encode() for each in data])

    async def uploaded(self, request: web.Request) -> dict[str, Any]:
        """The fields of a multipart request, the file's bytes among them."""
        form = await request.post()
        upload = form["file"]
        assert isinstance(upload, web.FileField)
        fields = {key: value for key, value in form.items() if key != "file"}
        return fields | {"file": upload.file.read(), "filename": upload.filename}

    async def before(self, request: web.Request, asked: dict[str, Any]) -> web.Response | None:
        """Remember the request; what is answered instead of an answer."""
        self.asked.append(asked)
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        assert request.transport
        self.peers.add(request.transport.get_extra_info("peername"))
        await asyncio.sleep(self.delay_s)
        if self.cut_before:
            request.transport.abort()
        if self.status != 200 and self.only in request.path:
            return self.refusal(self.status, self.message)
        if not self.authorised(request):
            return self.refusal(401, "Invalid API Key")
        if self.malformed is not None:
            return web.Response(body=self.malformed, content_type="application/json")
        return None

    def refusal(self, status: int, message: str) -> web.Response:
        error = {"message": message, "type": "x_error", "param": None, "code": None}
        return web.json_response({"error": error}, status=status, headers=self.reply_headers)

    async def json(self, request: web.Request, answer: dict[str, Any]) -> web.StreamResponse:
        if not (self.stall or self.cut):
            return web.json_response(answer)
        whole = json.dumps(answer).encode()
        head = {"Content-Type": "application/json", "Content-Length": str(len(whole))}
        return await self.streamed(request, [whole[: len(whole) // 2]], head)

    async def streamed(
        self, request: web.Request, chunks: list[bytes], headers: dict[str, str] | None = None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.001)
        if self.stall:
            await asyncio.sleep(STALL_S)
        if self.cut:
            assert request.transport
            request.transport.abort()
        return response


def loud(file: bytes) -> bool:
    channels, _ = wav.decode(file)
    return bool(np.any(channels[0]))


async def speech(asked: dict[str, Any]) -> list[bytes]:
    """`input` as a body in the format that was asked for."""
    voice = Voice(speed=asked.get("speed", 1.0))
    mock = MockTextToSpeech()
    spoken = [chunk.tobytes() async for chunk in mock.speak(asked["input"], voice=voice)]
    if asked["response_format"] == "wav":  # a stream does not know its length
        return [wav.header(mock.rate, 1, wav.MAX_DATA_BYTES), *spoken]
    return spoken


Server = TypeVar("Server", bound=VendorServer)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    app = web.Application()
    app.router.add_routes(server.routes())
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}{server.prefix}"
    server.runner = runner
    try:
        yield server
    finally:
        await runner.cleanup()
