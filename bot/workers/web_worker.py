"""The process that serves the pages."""

from __future__ import annotations

import asyncio
import errno
import signal
import ssl
from collections.abc import Callable

import structlog
from aiohttp import web
from setproctitle import setproctitle

from bot.addresses import split_address
from bot.config import Config
from bot.errors import StartError
from bot.library import Library
from bot.store.schema import prepare
from bot.web.access import make_policy
from bot.web.app import make_app
from bot.web.tls import make_ssl, renew_ssl

CLOSE_WITHIN_S = 2.0
log = structlog.get_logger(__name__)


def run(config: Config, library: Library, ready: Callable[[], None]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. `ready` is called once it listens, SIGHUP
    reads the library again.

    Raises StartError when web.bind or the certificate cannot be had, ConfigError when links cannot
    be signed, StoreError when the database cannot be made.
    """
    setproctitle("bot: web worker")
    asyncio.run(_serve(config, library, ready))
    return 0


async def _serve(config: Config, library: Library, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    tls = make_ssl(config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, config, library, tls)
    prepare(config.store.path)
    app = make_app(config, library, make_policy(config))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_WITHIN_S)
    await runner.setup()
    try:
        await _bind(runner, config.web.bind, tls)
        ready()
        log.info("pages served", bind=config.web.bind)
        await stop.wait()
    finally:
        await runner.cleanup()


def _reload(config: Config, library: Library, tls: ssl.SSLContext | None) -> None:
    """Read the library and the certificate again; what cannot be used stays as it was."""
    library.reload()
    if tls is not None:
        try:
            renew_ssl(tls, config)
        except StartError as error:
            log.error("certificate not taken over", why=str(error))


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
