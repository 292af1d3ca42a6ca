"""The process that serves the pages and carries browser calls.

The first web worker is the door: it has the public port. Others carry calls only and are reached
through a Unix socket beside the database.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

import structlog
from aiohttp import web
from setproctitle import setproctitle

from bot.addresses import split_address
from bot.config import Config
from bot.errors import StartError
from bot.legs.webrtc import IceServers, WebRtcEndpoint, WebRtcSettings
from bot.library import Library
from bot.secrets import secret
from bot.store.schema import prepare
from bot.web.access import make_policy
from bot.web.api import Api
from bot.web.app import make_app, make_inner_app
from bot.web.lines import Lines
from bot.web.rooms import Rooms
from bot.web.signaling import Signaling
from bot.web.tls import make_ssl, renew_ssl
from bot.workers.carrying import Carrier, prefer_media
from bot.workers.sip_control import bind_private

CLOSE_WITHIN_S = 2.0
log = structlog.get_logger(__name__)


def run(config: Config, library: Library, ready: Callable[[], None], index: int = 0) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. `ready` is called once calls are taken,
    SIGHUP reads the library and the certificate again. Worker 0 is the door.

    Raises StartError when web.bind or the certificate cannot be had, ConfigError when links cannot
    be signed, StoreError when the database cannot be made.
    """
    setproctitle("bot: web worker" if not index else f"bot: web worker {index + 1}")
    prefer_media()
    asyncio.run(WebWorker(config, library, index).serve(ready))
    return 0


class WebWorker:
    """What one of them is made of."""

    def __init__(self, config: Config, library: Library, index: int) -> None:
        self._config, self._library, self._index = config, library, index
        self._tls = None if index else make_ssl(config)

    async def serve(self, ready: Callable[[], None]) -> None:
        config, stop = self._config, asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
        prepare(config.store.path)
        carrier = Carrier(config, self._library)
        loop.add_signal_handler(signal.SIGHUP, self._reload, carrier)
        endpoint = WebRtcEndpoint(settings(config))
        rooms = Rooms(endpoint, carrier.manager, config.web.max_calls_per_worker)
        lines = self._lines(rooms, endpoint)
        runner = web.AppRunner(
            self._app(lines),
            access_log=None,
            shutdown_timeout=CLOSE_WITHIN_S,
            auto_decompress=False,  # nobody needs to send us gzip, or a bomb made of it
        )
        await runner.setup()
        await lines.start()
        try:
            await endpoint.start()
            await self._bind(runner)
            log.info("pages served", bind=config.web.bind, worker=self._index)
            await _carry(carrier, rooms, stop, ready)
        finally:
            await carrier.close(endpoint.lateness)
            await lines.close()
            await endpoint.close()
            await runner.cleanup()

    def _lines(self, rooms: Rooms, endpoint: WebRtcEndpoint) -> Lines:
        others = [] if self._index else range(1, self._config.web.workers)
        return Lines(
            rooms,
            Api(rooms, self._library, endpoint.settings.ice),
            Signaling(rooms, self._library),
            [worker_socket(self._config, each) for each in others],
        )

    def _app(self, lines: Lines) -> web.Application:
        if self._index:
            return make_inner_app(lines)
        return make_app(self._config, self._library, make_policy(self._config), lines)

    def _reload(self, carrier: Carrier) -> None:
        """What cannot be used stays as it was."""
        carrier.reload()
        if self._tls is not None:
            try:
                renew_ssl(self._tls, self._config)
            except StartError as error:
                log.error("certificate not taken over", why=str(error))

    async def _bind(self, runner: web.AppRunner) -> None:
        if not self._index:
            await _bind(runner, self._config.web.bind, self._tls)
            return
        # nobody else may come in past the door
        await bind_private(runner, worker_socket(self._config, self._index))


async def _carry(
    carrier: Carrier, rooms: Rooms, stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Take calls once greetings are ready; the pages are there before that."""
    warming = asyncio.ensure_future(carrier.warm_up())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((warming, stopping), return_when=asyncio.FIRST_COMPLETED)
    if warming.done():
        warming.result()  # raises what went wrong
        carrier.warm()
        rooms.ready = True
        ready()
        await stopping
    warming.cancel()


def settings(config: Config) -> WebRtcSettings:
    """Raises ConfigError when a secret cannot be read."""
    rtc = config.webrtc
    ice = IceServers(
        stun=rtc.stun,
        turn=rtc.turn,
        turn_username=secret("TURN_USERNAME") if rtc.turn else "",
        turn_password=secret("TURN_PASSWORD") if rtc.turn else "",
    )
    return WebRtcSettings(
        max_calls=config.web.max_calls_per_worker, ice=ice, reconnect_s=rtc.reconnect_s
    )


def worker_socket(config: Config, index: int) -> Path:
    """Where the door finds a worker that is none."""
    return config.store.path.parent / f"web-{index + 1}.sock"


async def _bind(runner: web.AppRunner, at: str, tls: ssl.SSLContext | None) -> None:
    """Listen on `at`. Raises StartError naming web.bind."""
    try:
        await web.TCPSite(runner, *split_address(at), ssl_context=tls).start()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = "is already in use" if taken else f"cannot be bound ({error.strerror})"
        raise StartError(
            f"web.bind: {at} {what}. Stop what holds it, or set web.bind to a free address:port."
        ) from None
