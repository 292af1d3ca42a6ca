"""The status pages: which number reaches whom, who is on the line, what the last calls were like.

Rendered here, need no script, load nothing from elsewhere. They show what callers said, so they are
for whoever runs the bot and for nobody with a call link only.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.calls.outbound import TrunkInfo
from bot.config import Config
from bot.errors import StoreError
from bot.store import queries
from bot.web import words
from bot.web.dial import Number, numbers
from bot.web.rendering import Templates
from bot.web.telephone import Telephone
from bot.web.who import Answering

LAST_CALLS = 20


class StatusPages:
    """The handlers and what they share."""

    def __init__(
        self,
        config: Config,
        answering: Answering,
        templates: Templates,
        telephone: Telephone,
    ) -> None:
        self._config, self._answering, self._telephone = config, answering, telephone
        self._page = templates.page

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/status", self.index), web.get("/calls/{id:.+}", self.call)]

    async def index(self, request: web.Request) -> web.Response:
        trouble = None
        live: list[queries.Call] = []
        recent: list[queries.Call] = []
        try:
            live, recent = await asyncio.to_thread(self._calls)
        except StoreError as error:
            # the page is wanted most when something is wrong
            trouble = str(error)
        return self._page(
            "status.html",
            numbers=self._numbers(request),
            trunks=await self._trunks(),
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
        return self._page(
            "call.html",
            detail=detail,
            persona_name=self._persona_name,
            ledger_parts=words.PARTS,
        )

    async def _trunks(self) -> list[TrunkInfo]:
        if not self._config.sip.trunk:
            return []
        return await self._telephone.trunks() or []

    def _calls(self) -> tuple[list[queries.Call], list[queries.Call]]:
        path = self._config.store.path
        return queries.live_calls(path), queries.recent_calls(path, LAST_CALLS)

    def _numbers(self, request: web.Request) -> list[Number]:
        who = self._answering
        return numbers(who.plan, who.personas, self._config.sip.bind, request.url.host)

    def _persona_name(self, slug: str) -> str:
        persona = self._answering.personas.get(slug)
        return persona.name if persona else slug or "nobody"
