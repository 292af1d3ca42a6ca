"""The web worker's parts in the test's own process, with real sockets and real calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.legs.webrtc import IceServers, WebRtcEndpoint, WebRtcSettings
from bot.web.api import Api
from bot.web.app import make_app, make_inner_app
from bot.web.lines import Lines
from bot.web.rooms import Rooms
from bot.web.signaling import Signaling
from tests.calls.house import House
from tests.support.web_phone import WebPhone, over_http

Browser = TestClient  # type: ignore[type-arg]


@dataclass
class Worker:
    """One web worker."""

    endpoint: WebRtcEndpoint
    rooms: Rooms
    lines: Lines


def worker(house: House, *, most: int = 6, others: list[Path] | None = None) -> Worker:
    endpoint = WebRtcEndpoint(WebRtcSettings(max_calls=most, reconnect_s=2.0))
    rooms = Rooms(endpoint, house.manager, most)
    rooms.ready = True
    lines = Lines(
        rooms,
        Api(rooms, house.library, IceServers()),
        Signaling(rooms, house.library),
        others or [],
    )
    return Worker(endpoint, rooms, lines)


@asynccontextmanager
async def running(each: Worker) -> AsyncIterator[Worker]:
    await each.endpoint.start()
    await each.lines.start()
    try:
        yield each
    finally:
        await each.lines.close()
        await each.endpoint.close()


@asynccontextmanager
async def door(house: House, each: Worker, policy: Any = None) -> AsyncIterator[Browser]:
    """The public application, as a browser reaches it."""
    async with running(each):
        app = make_app(house.config, house.library, policy, each.lines)
        async with TestClient(TestServer(app)) as browser:
            yield browser


@asynccontextmanager
async def back_room(each: Worker, socket: Path) -> AsyncIterator[Worker]:
    """A worker that is no door, behind its Unix socket."""
    async with running(each):
        runner = web.AppRunner(make_inner_app(each.lines))
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        try:
            yield each
        finally:
            await runner.cleanup()


def base(browser: Browser) -> str:
    return str(browser.make_url("/")).rstrip("/")


async def dial(browser: Browser, number: str = "1000") -> WebPhone:
    """A caller through the API; audio flows when this returns."""
    session = aiohttp.ClientSession()
    phone = await over_http(base(browser), number=number, session=session)
    phone.session = session  # type: ignore[attr-defined]
    await phone.answered(5)
    return phone
