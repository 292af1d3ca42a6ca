"""`python -m bot healthy` as a container runtime asks it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from bot.cli_healthy import health_url, healthy
from bot.config import Config
from bot.web.tls import make_ssl
from bot.web_settings import Web
from tests.support.certificates import certificate
from tests.support.ports import free_port


@asynccontextmanager
async def serving(port: int, status: int, context: ssl.SSLContext | None) -> AsyncIterator[None]:
    async def health(request: web.Request) -> web.Response:
        return web.json_response({"ok": status == 200}, status=status)

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def ask(folder: Path, toml: str) -> tuple[int, str]:
    path = folder / "config.toml"
    path.write_text(toml)
    result = await asyncio.to_thread(CliRunner().invoke, healthy, ["-c", str(path)])
    return result.exit_code, result.output


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
async def test_the_bot_tells_how_it_is(tmp_path: Path, status: int, code: int) -> None:
    port = free_port()
    async with serving(port, status, None):
        exit_code, told = await ask(tmp_path, f'[web]\nbind = "0.0.0.0:{port}"\n')
    assert exit_code == code and '"ok"' in told


async def test_https_is_asked_where_a_certificate_is_set(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    port = free_port()
    toml = f'[web]\nbind = "127.0.0.1:{port}"\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    async with serving(port, 200, make_ssl(Config(web=Web(tls_cert=cert, tls_key=key)))):
        assert (await ask(tmp_path, toml))[0] == 0


async def test_a_bot_that_is_not_there_is_not_well(tmp_path: Path) -> None:
    port = free_port()
    exit_code, told = await ask(tmp_path, f'[web]\nbind = "127.0.0.1:{port}"\n')
    assert exit_code == 1 and f"http://127.0.0.1:{port}/healthz does not answer" in told


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert health_url(Web(bind="[::]:8080")) == "http://[::1]:8080/healthz"
