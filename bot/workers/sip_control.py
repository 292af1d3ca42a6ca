"""A SIP worker's own small API on a Unix socket: dial, tell how trunks stand.

`python -m bot dial` and the web worker ask here. Whoever may open the socket may call anybody, so
it is the bot's own user's alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from bot.calls.outbound import DialOrder, Outbound
from bot.config import Config
from bot.errors import LegError
from bot.legs.sip import SipEndpoint

MOST_BYTES = 4096


class SipControl:
    """Serves until `close`."""

    def __init__(self, config: Config, endpoint: SipEndpoint, outbound: Outbound) -> None:
        self._path = config.sip_socket
        self._endpoint, self._outbound = endpoint, outbound
        app = web.Application(client_max_size=MOST_BYTES)
        app.add_routes([web.post("/dial", self._dial), web.get("/trunks", self._trunks)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def start(self) -> None:
        await self._runner.setup()
        await bind_private(self._runner, self._path)

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _dial(self, request: web.Request) -> web.Response:
        """202 and a Dialled; 409 and why when it cannot begin."""
        try:
            order = DialOrder.model_validate_json(await request.read())
        except ValidationError as error:
            return web.json_response({"error": str(error.errors()[0]["msg"])}, status=400)
        try:
            dialled = await self._outbound.dial(order)
        except LegError as error:
            return web.json_response({"error": str(error)}, status=409)
        return web.json_response(dialled.model_dump(), status=202)

    async def _trunks(self, _: web.Request) -> web.Response:
        states = [asdict(each) for each in await self._endpoint.trunks()]
        return web.json_response({"trunks": states})


async def bind_private(runner: web.AppRunner, path: Path) -> None:
    """Listen on `path`, which nobody else may open."""
    with _private(path):
        await web.UnixSite(runner, str(path)).start()


@contextlib.contextmanager
def _private(path: Path) -> Iterator[None]:
    path.unlink(missing_ok=True)  # of an earlier life
    mask = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(mask)
