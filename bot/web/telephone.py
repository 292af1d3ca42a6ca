"""What programs and the status page want of the SIP worker: POST /api/dial, GET /api/trunks.

The worker is asked on its Unix socket; its own refusal is the authority.
"""

from __future__ import annotations

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web
from pydantic import BaseModel, ConfigDict

from bot.calls.outbound import Dialled, DialOrder, TrunkInfo
from bot.config import Config
from bot.web.access import may_begin_call
from bot.web.api import answered, body, refused
from bot.web.messages import Error

DIALLED_WITHIN_S = 8.0
TOLD_WITHIN_S = 1.0  # the status page waits for it
RETRY_S = 5
TROUBLE = (ClientError, OSError, TimeoutError, ValueError)


class Trunks(BaseModel):
    """All of them, in the order of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trunks: list[TrunkInfo]


class Telephone:
    """The handlers, and what the status page asks."""

    def __init__(self, config: Config) -> None:
        self._socket = config.sip_socket

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/api/dial", self.dial), web.get("/api/trunks", self.standing)]

    async def dial(self, request: web.Request) -> web.Response:
        order = await body(request, DialOrder)
        wait_s = may_begin_call(request)
        if wait_s is not None:
            text = f"Your address has called too often. Try again in {wait_s} s."
            raise refused(Error(code="too_many", text=text, retry_after_s=wait_s))
        try:
            async with (
                self._session(DIALLED_WITHIN_S) as session,
                session.post("http://sip/dial", json=order.model_dump()) as answer,
            ):
                told = await answer.json()
        except TROUBLE:
            raise _away() from None
        if answer.status != web.HTTPAccepted.status_code:
            raise refused(Error(code="cannot", text=f"{told['error']}."))
        return answered(Dialled.model_validate(told), status=202)

    async def standing(self, request: web.Request) -> web.Response:
        found = await self.trunks()
        if found is None:
            raise _away()
        return answered(Trunks(trunks=found))

    async def trunks(self) -> list[TrunkInfo] | None:
        """None when the SIP worker does not answer."""
        try:
            async with (
                self._session(TOLD_WITHIN_S) as session,
                session.get("http://sip/trunks") as answer,
            ):
                return Trunks.model_validate(await answer.json()).trunks
        except TROUBLE:
            return None

    def _session(self, within_s: float) -> ClientSession:
        return ClientSession(
            connector=UnixConnector(str(self._socket)), timeout=ClientTimeout(total=within_s)
        )


def _away() -> web.HTTPException:
    text = "The telephone side does not answer."
    return refused(Error(code="busy", text=text, retry_after_s=RETRY_S))
