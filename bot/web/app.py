"""The status page: which number reaches whom, who is on the line, what the last calls were like.

Rendered here, needs no script, loads nothing from elsewhere. It shows what callers said: access.py
decides who may read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import jinja2
import structlog
from aiohttp import web

from bot.config import Config
from bot.dialplan import Dialplan
from bot.errors import StoreError
from bot.persona import Persona
from bot.store import queries
from bot.web import words
from bot.web.access import POLICY, Policy
from bot.web.dial import Number, numbers
from bot.web.headers import set_headers
from bot.web.refusals import guard

LAST_CALLS = 20
HERE = Path(__file__).parent
log = structlog.get_logger(__name__)


class Answering(Protocol):
    """Who answers which number now; `bot.library.Library` replaces both when it reads again."""

    personas: Mapping[str, Persona]
    plan: Dialplan


def make_app(config: Config, answering: Answering, policy: Policy | None = None) -> web.Application:
    """The application, reading from config.store.path; nothing is opened before a request.

    `policy` (access.py) decides who may come in; without one the application trusts everybody.
    """
    pages = Pages(config, answering)
    app = web.Application(middlewares=[guard(pages.page), *(policy.middlewares if policy else ())])
    if policy:
        app[POLICY] = policy
    app.on_response_prepare.append(set_headers(config))
    app.add_routes(
        [
            web.get("/", pages.index),
            web.get("/calls/{id:.+}", pages.call),
            web.get("/healthz", pages.health),
            web.static("/static", HERE / "static"),
        ]
    )
    return app


class Pages:
    """The handlers and what they share."""

    def __init__(self, config: Config, answering: Answering) -> None:
        self._config = config
        self._answering = answering
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters.update(words.FILTERS)

    async def index(self, request: web.Request) -> web.Response:
        trouble = None
        live: list[queries.Call] = []
        recent: list[queries.Call] = []
        try:
            live, recent = await asyncio.to_thread(self._calls)
        except StoreError as error:
            # the page is wanted most when something is wrong
            trouble = str(error)
        return self.page(
            "index.html",
            numbers=self._numbers(request),
            live=live,
            recent=recent,
            trouble=trouble,
            max_calls=self._config.sip.max_calls,
            persona_name=self._persona_name,
        )

    async def call(self, request: web.Request) -> web.Response:
        try:
            detail = await asyncio.to_thread(
                queries.get_call, self._config.store.path, request.match_info["id"]
            )
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None
        if detail is None:
            raise web.HTTPNotFound(text="There is no such call.")
        return self.page(
            "call.html",
            detail=detail,
            persona_name=self._persona_name,
            ledger_parts=words.PARTS,
        )

    async def health(self, request: web.Request) -> web.Response:
        """`{"ok": true, "database": "ok"}`; 503 and why when the database cannot be read."""
        try:
            await asyncio.to_thread(queries.check, self._config.store.path)
        except StoreError as error:
            return web.json_response({"ok": False, "database": str(error)}, status=503)
        return web.json_response({"ok": True, "database": "ok"})

    def page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        text = self._jinja.get_template(template).render(**values)
        return web.Response(text=text, status=status, content_type="text/html")

    def _calls(self) -> tuple[list[queries.Call], list[queries.Call]]:
        path = self._config.store.path
        return queries.live_calls(path), queries.recent_calls(path, LAST_CALLS)

    def _numbers(self, request: web.Request) -> list[Number]:
        who = self._answering
        return numbers(who.plan, who.personas, self._config.sip.bind, request.url.host)

    def _persona_name(self, slug: str) -> str:
        persona = self._answering.personas.get(slug)
        return persona.name if persona else slug or "nobody"
