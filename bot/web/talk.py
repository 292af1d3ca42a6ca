"""The call page: choose a number, press call, talk."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from bot.web.access import grant_of
from bot.web.rendering import Templates
from bot.web.who import Answering, callees, the_one


class TalkPage:
    """`/` and `/?number=1000`; the script of the page does the rest."""

    def __init__(self, who: Answering, templates: Templates) -> None:
        self._who, self._templates = who, templates

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/", self.page)]

    async def page(self, request: web.Request) -> web.Response:
        grant = grant_of(request)
        choices = callees(self._who, grant)
        if not choices and (bound := the_one(self._who, grant)) is not None:
            choices = [bound]
        return self._templates.page(
            "talk.html",
            numbers=[asdict(each) | {"label": each.number} for each in choices],
            token=request.query.get("token", ""),
            chosen=request.query.get("number", ""),
            may_see_status="status" in grant.scopes,
        )
