"""Headers of every answer, events and WebSockets included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp_sse import sse_response

from bot.config import Config, Store
from bot.dialplan import Dialplan
from bot.library import Shelf
from bot.web.app import make_app
from bot.web_settings import Web

NOBODY = Shelf({}, frozenset(), Dialplan(), ())
WANTED = {
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


async def events(request: web.Request) -> web.StreamResponse:
    async with sse_response(request) as answer:
        await answer.send("x")
    return answer


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    await answer.close()
    return answer


def client(folder: Path, **settings: Any) -> TestClient:  # type: ignore[type-arg]
    config = Config(store=Store(path=folder / "bot.db"), web=Web(**settings))
    app = make_app(config, NOBODY)
    app.router.add_get("/api/test-events", events)
    app.router.add_get("/ws/test", socket)
    return TestClient(TestServer(app))


@pytest_asyncio.fixture
async def plain(tmp_path: Path) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    async with client(tmp_path, origins=["https://shop.example"]) as found:
        yield found


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/api/nowhere", "/static/none.js"])
async def test_every_answer_is_locked_down(plain: Any, path: str) -> None:
    async with plain.get(path) as response:
        told = dict(response.headers)
    policy = {part.split()[0]: part for part in told["Content-Security-Policy"].split("; ")}
    assert policy["default-src"] == "default-src 'none'"
    assert policy["script-src"] == "script-src 'self'"
    assert policy["frame-ancestors"] == "frame-ancestors 'none'"
    assert policy["media-src"] == "media-src 'self' blob:"
    assert "unsafe" not in told["Content-Security-Policy"]
    assert "microphone=(self)" in told["Permissions-Policy"]
    if not path.startswith("/static"):
        assert told | WANTED == told
    assert "Strict-Transport-Security" not in told


async def test_events_and_sockets_are_locked_down_too(plain: Any) -> None:
    origin = {"Origin": "https://shop.example"}
    async with plain.get("/api/test-events", headers=origin) as response:
        assert dict(response.headers) | WANTED == dict(response.headers)
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "data: x" in await response.text()
    async with plain.ws_connect("/ws/test") as ws:
        assert ws._response.headers["X-Content-Type-Options"] == "nosniff"


async def test_static_files_are_kept_and_asked_for_again_by_tag(plain: Any) -> None:
    async with plain.get("/static/style.css") as response:
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        tag = response.headers["ETag"]
    async with plain.get("/static/style.css", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    async with plain.get("/static/none.css") as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_https_of_our_own_stays_https(tmp_path: Path) -> None:
    async with client(tmp_path, tls_cert="a", tls_key="b") as found, found.get("/") as response:
        assert response.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_errors_are_pages_for_people_and_json_for_programs(plain: Any) -> None:
    async with plain.get("/nowhere") as response:
        assert response.status == 404 and "<h1>" in await response.text()
    async with plain.get("/api/nowhere") as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "not_found"
    async with plain.post("/healthz") as response:
        assert response.status == 405 and "GET" in response.headers["Allow"]
