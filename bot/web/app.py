"""The web worker's application: pages, API, signalling, and what guards them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.config import Config
from bot.errors import StoreError
from bot.store import queries
from bot.web.grants import EVERYTHING, Grant
from bot.web.lines import Lines
from bot.web.relay import GRANT
from bot.web.rendering import Templates
from bot.web.status import StatusPages
from bot.web.talk import TalkPage
from bot.web.who import Answering

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; media-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(config: Config, answering: Answering, lines: Lines | None = None) -> web.Application:
    """All that visitors see, reading from config.store.path; nothing is opened before a request.

    `lines` are those that carry calls; without them there are pages only.
    """
    templates = Templates()
    app = web.Application(middlewares=[guard(templates)])
    app.add_routes(StatusPages(config, answering, templates).routes())
    app.add_routes(TalkPage(answering, templates).routes())
    app.add_routes([web.get("/healthz", Health(config.store.path).health)])
    if lines is not None:
        app.add_routes(lines.routes())
    app.add_routes([web.static("/static", STATIC)])
    return app


def make_inner_app(lines: Lines) -> web.Application:
    """What the door asks of a worker that is none: who may do what was decided there."""
    app = web.Application(middlewares=[as_the_door_said])
    app.add_routes(lines.inner_routes())
    return app


@web.middleware
async def as_the_door_said(request: web.Request, handler: Handler) -> web.StreamResponse:
    request["grant"] = Grant.from_text(request.headers.get(GRANT, "{}"))
    return await handler(request)


class Health:
    """Can the record be read?"""

    def __init__(self, database: Path) -> None:
        self._database = database

    async def health(self, request: web.Request) -> web.Response:
        """`{"ok": true, "database": "ok"}`; 503 and why when the database cannot be read."""
        try:
            await asyncio.to_thread(queries.check, self._database)
        except StoreError as error:
            return web.json_response({"ok": False, "database": str(error)}, status=503)
        return web.json_response({"ok": True, "database": "ok"})


def guard(templates: Templates) -> Any:
    """Headers on every answer, and errors as pages of ours."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        request["grant"] = EVERYTHING
        try:
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            if error.content_type == "application/json":
                error.headers.update(HEADERS)
                raise
            response = templates.page(
                "error.html", error.status, title=error.reason, text=error.text or ""
            )
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guarded
