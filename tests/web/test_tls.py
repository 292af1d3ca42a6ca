"""https by a certificate of one's own, on a real server."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import NameOID

from bot.config import Config
from bot.errors import StartError
from bot.web.tls import make_ssl, renew_ssl, valid_for_days
from bot.web_settings import Web
from tests.support.certificates import certificate


def configured(cert: str, key: str) -> Config:
    return Config(web=Web(tls_cert=cert, tls_key=key))


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """The port of an https server with that context."""

    async def scheme(request: web.Request) -> web.Response:
        return web.Response(text=request.scheme)

    app = web.Application()
    app.router.add_get("/", scheme)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        assert site._server is not None
        yield site._server.sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()


async def meet(
    port: int, name: str | None, change: Callable[[ssl.SSLContext], None]
) -> tuple[str, str, str]:
    """Ask the server: whom its certificate names, the version of TLS, the answer's body."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    change(context)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name or ""
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    body = (await reader.read()).decode().rpartition("\r\n")[2]
    wire = writer.get_extra_info("ssl_object")
    met = x509.load_der_x509_certificate(wire.getpeercert(binary_form=True))
    (common,) = met.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    writer.close()
    return str(common.value), wire.version(), body


def nothing(context: ssl.SSLContext) -> None:
    """The client's own defaults."""


async def test_pages_are_https(tmp_path: Path) -> None:
    context = make_ssl(configured(*certificate(tmp_path)))
    async with serving(context) as port:
        assert await meet(port, "localhost", nothing) == ("bot", "TLSv1.3", "https")

        def old(context: ssl.SSLContext) -> None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2

        assert (await meet(port, "localhost", old))[1] == "TLSv1.2"

        def ancient(context: ssl.SSLContext) -> None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1

        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            pytest.warns(DeprecationWarning, match="TLSv1"),
        ):
            await meet(port, "localhost", ancient)


async def test_a_client_that_checks_trusts_the_certificate(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)

    def strict(context: ssl.SSLContext) -> None:
        context.load_verify_locations(cert)
        context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED

    async with serving(make_ssl(configured(cert, key))) as port:
        assert (await meet(port, "localhost", strict))[0] == "bot"


def test_without_files_there_is_no_https() -> None:
    assert make_ssl(Config()) is None


@pytest.mark.parametrize("kinds", [("rsa", "ec"), ("ec", "rsa")])
async def test_renewed_files_are_met_by_the_next_connections(
    tmp_path: Path, kinds: tuple[str, str]
) -> None:
    cert, key = certificate(tmp_path, "live", kind=kinds[0])
    config = configured(cert, key)
    context = make_ssl(config)
    assert context is not None
    async with serving(context) as port:
        assert (await meet(port, "localhost", nothing))[0] == "live"
        for new in ("first", "second"):
            for made, used in zip(
                certificate(tmp_path, new, kind=kinds[1]), (cert, key), strict=True
            ):
                shutil.copy(made, used)
            renew_ssl(context, config)
            for name in ("localhost", None):  # None: as by an address, without a server name
                assert (await meet(port, name, nothing))[0] == new
        Path(cert).write_text("broken")
        with pytest.raises(StartError, match=r"web\.tls_cert"):
            renew_ssl(context, config)
        assert (await meet(port, "localhost", nothing))[0] == "second"


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("no key named", r"web\.tls_key: is empty, and web\.tls_cert is not\. Name the file"),
        ("no cert named", r"web\.tls_cert: is empty, and web\.tls_key is not"),
        ("cert gone", r"web\.tls_cert: is \S+bot\.pem, which cannot be read \(No such file"),
        ("key is a folder", r"web\.tls_key: is \S+, which cannot be read \(Is a directory\)"),
        ("cert is none", r"web\.tls_cert: is \S+, which holds no certificate"),
        ("key is none", r"web\.tls_key: is \S+, which holds no private key"),
        ("key of another", r"web\.tls_key: is not the key of web\.tls_cert"),
        ("key of another kind", r"web\.tls_key: is not the key of web\.tls_cert"),
        ("swapped", r"web\.tls_cert: is \S+bot\.key, which holds no certificate"),
        ("passphrase", r"web\.tls_key: is protected by a passphrase.*openssl pkey"),
    ],
)
def test_files_that_do_not_serve_are_told(tmp_path: Path, trouble: str, told: str) -> None:
    cert, key = certificate(tmp_path)
    if trouble == "no key named":
        key = ""
    elif trouble == "no cert named":
        cert = ""
    elif trouble == "cert gone":
        Path(cert).unlink()
    elif trouble == "key is a folder":
        key = str(tmp_path)
    elif trouble == "cert is none":
        Path(cert).write_text("no certificate")
    elif trouble == "key is none":
        Path(key).write_text("no key")
    elif trouble.startswith("key of another"):
        _, key = certificate(tmp_path, "other", kind="rsa" if "kind" in trouble else "ec")
    elif trouble == "swapped":
        cert, key = key, cert
    else:
        certificate(tmp_path, passphrase="geheim")
    with pytest.raises(StartError, match=told) as caught:
        make_ssl(configured(cert, key))
    assert "\n" not in str(caught.value)


def test_how_long_it_is_valid(tmp_path: Path) -> None:
    assert valid_for_days(configured(*certificate(tmp_path, days=30))) == pytest.approx(30, abs=0.1)
    assert valid_for_days(configured(*certificate(tmp_path, days=-2))) < 0
