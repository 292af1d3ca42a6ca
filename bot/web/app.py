"""The web worker's application: pages, API, signalling, and what guards them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from bot.config import Config
from bot.errors import StoreError
from bot.store import queries
from bot.web import openapi
from bot.web.access import GRANT, POLICY, Policy
from bot.web.headers import set_headers
from bot.web.lines import Lines
from bot.web.links import Grant
from bot.web.refusals import guard
from bot.web.relay import GRANTED
from bot.web.rendering import Templates
from bot.web.status import StatusPages
from bot.web.talk import TalkPage
from bot.web.telephone import Telephone
from bot.web.who import Answering

STATIC = Path(__file__).parent / "static"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    config: Config,
    answering: Answering,
    policy: Policy | None = None,
    lines: Lines | None = None,
) -> web.Application:
    """All that visitors see, reading from config.store.path; nothing is opened before a request.

    `policy` decides who may come in; without one the application trusts everybody. `lines` carry
    calls; without them there are pages only.
    """
    templates = Templates()
    middlewares = [guard(templates.page), *(policy.middlewares if policy else ())]
    app = web.Application(middlewares=middlewares)
    if policy:
        app[POLICY] = policy
    app.on_response_prepare.append(set_headers(config))
    telephone = Telephone(config)
    app.add_routes(StatusPages(config, answering, templates, telephone).routes())
    app.add_routes(TalkPage(answering, templates).routes())
    app.add_routes([web.get("/healthz", Health(config.store.path).health)])
    app.add_routes([web.get("/talk.js", talk_js)])
    if lines is not None:
        app.add_routes([*lines.routes(), *telephone.routes(), *openapi.routes()])
    app.add_routes([web.static("/static", STATIC)])
    return app


def make_inner_app(lines: Lines) -> web.Application:
    """What the door asks of a worker that is none: who may do what was decided there."""
    app = web.Application(middlewares=[guard(Templates().page), as_the_door_said])
    app.add_routes(lines.inner_routes())
    return app


@web.middleware
async def as_the_door_said(request: web.Request, handler: Handler) -> web.StreamResponse:
    if GRANTED in request.headers:
        request[GRANT] = Grant.from_text(request.headers[GRANTED])
    return await handler(request)


async def talk_js(_: web.Request) -> web.Response:
    """The script other sites embed, at an address that is easy to remember."""
    raise web.HTTPFound("/static/talk.js")  # its modules lie beside it


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
