"""The process that serves the pages and carries browser calls.

The first web worker is the door: it has the public port. Others carry calls only and are reached
through a Unix socket beside the database.
"""

from __future__ import annotations

import asyncio
import errno
import signal
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
from bot.web.api import Api
from bot.web.app import make_app, make_inner_app
from bot.web.lines import Lines
from bot.web.rooms import Rooms
from bot.web.signaling import Signaling
from bot.workers.carrying import Carrier, prefer_media

CLOSE_WITHIN_S = 2.0
log = structlog.get_logger(__name__)


def run(config: Config, library: Library, ready: Callable[[], None], index: int = 0) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. `ready` is called once calls are taken,
    SIGHUP reads the library again. Worker 0 is the door.

    Raises StartError when web.bind cannot be had, StoreError when the database cannot be made.
    """
    setproctitle("bot: web worker" if not index else f"bot: web worker {index + 1}")
    prefer_media()
    asyncio.run(_serve(config, library, ready, index))
    return 0


async def _serve(config: Config, library: Library, ready: Callable[[], None], index: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    prepare(config.store.path)
    carrier = Carrier(config, library)
    loop.add_signal_handler(signal.SIGHUP, carrier.reload)
    endpoint = WebRtcEndpoint(_settings(config))
    rooms = Rooms(endpoint, carrier.manager, config.web.max_calls_per_worker)
    lines = Lines(
        rooms,
        Api(rooms, library, endpoint.settings.ice),
        Signaling(rooms, library),
        () if index else [worker_socket(config, each) for each in range(1, config.web.workers)],
    )
    app = make_inner_app(lines) if index else make_app(config, library, lines)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_WITHIN_S)
    await runner.setup()
    await lines.start()
    try:
        await endpoint.start()
        await (_bind_socket(runner, config, index) if index else _bind(runner, config.web.bind))
        log.info("pages served", bind=config.web.bind)
        await _carry(carrier, rooms, stop, ready)
    finally:
        await carrier.close(endpoint.lateness)
        await lines.close()
        await endpoint.close()
        await runner.cleanup()


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


def _settings(config: Config) -> WebRtcSettings:
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


async def _bind_socket(runner: web.AppRunner, config: Config, index: int) -> None:
    path = worker_socket(config, index)
    path.unlink(missing_ok=True)  # of an earlier life
    await web.UnixSite(runner, str(path)).start()
    path.chmod(0o600)


async def _bind(runner: web.AppRunner, at: str) -> None:
    """Listen on `at`. Raises StartError naming web.bind."""
    try:
        await web.TCPSite(runner, *split_address(at)).start()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = "is already in use" if taken else f"cannot be bound ({error.strerror})"
        raise StartError(
            f"web.bind: {at} {what}. Stop what holds it, or set web.bind to a free address:port."
        ) from None
