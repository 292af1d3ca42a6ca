"""The web application behind its policy, with handlers that tell what they were told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.config import Config, Store
from bot.dialplan import Dialplan, Route
from bot.library import Shelf
from bot.persona import Metadata, Persona
from bot.store.recorder import CallLog
from bot.web.access import grant_of, make_policy, may_begin_call
from bot.web.app import make_app
from bot.web.links import Links
from bot.web_settings import Web

KEY = "k" * 40
LINKS = Links(KEY)
PERSONA = Persona(
    slug="clinic", name="Clinic", greeting="Hi", system_prompt="x",
    metadata=Metadata(source_template_id="x"),
)  # fmt: skip
WHO = Shelf({"clinic": PERSONA}, frozenset(), Dialplan(default=Route(persona="clinic")), ())
FROM_PROXY = {
    "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "bot.example.com",
}  # fmt: skip
Browser = TestClient  # type: ignore[type-arg]


def app_with_policy(folder: Path, **settings: Any) -> Browser:
    """A client of the application with the policy of `settings`; KEY must be WEB_LINK_SECRET."""
    config = Config(store=Store(path=folder / "bot.db"), web=Web(**settings))
    CallLog(config.store.path).close()
    return TestClient(TestServer(with_probes(make_app(config, WHO, make_policy(config)))))


def with_probes(app: web.Application) -> web.Application:
    """Handlers at addresses of our own, and at those that this application has not."""
    existing = {route.resource.canonical for route in app.router.routes() if route.resource}
    for path in ("/api/numbers", "/api/openapi.json", "/api/calls/{id}"):
        if path not in existing:
            app.router.add_get(path, told)
    app.router.add_get("/api/test-who", told)
    app.router.add_post("/api/test-begin", begin)
    app.router.add_get("/ws/test", socket)
    return app


async def told(request: web.Request) -> web.Response:
    """What the handler knows of who asks."""
    grant = grant_of(request)
    return web.json_response(
        {"scopes": sorted(grant.scopes), "subject": grant.subject, "from": request.remote,
         "url": str(request.url)}
    )  # fmt: skip


async def begin(request: web.Request) -> web.Response:
    return web.json_response({"retry_after_s": may_begin_call(request)})


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    await answer.send_str("here")
    await answer.close()
    return answer


async def status(answer: Any) -> int:
    async with answer as response:
        return int(response.status)


async def refused(answer: Any, code: int) -> str:
    """The words of a refusal."""
    async with answer as response:
        assert response.status == code
        text = await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        return str(text)


def call(subject: str = "*", valid_s: float = 60) -> str:
    return LINKS.make(subject, valid_s=valid_s)


def for_status() -> str:
    return LINKS.make(valid_s=60, scope="status")


def expired() -> str:
    now = int(time.time())
    claims = {"sub": "*", "scope": "call", "aud": "voice-bot", "iat": now - 900, "exp": now - 600}
    return jwt.encode(claims, KEY, "HS256")
