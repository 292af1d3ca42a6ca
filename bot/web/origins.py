"""Which site a request comes from, and whether that site may ask.

Browsers send `Origin` with everything that changes something and with each WebSocket; a page of
another site cannot hide it. Programs send none and are judged by their grant alone.
"""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web
from yarl import URL

from bot.web.proxies import PROXIED, parsed

READS = ("GET", "HEAD", "OPTIONS")
DEFAULT_PORTS = {"http": 80, "https": 443}


def own_origin(request: web.Request) -> str:
    """Our own origin as the browser sees it."""
    scheme = {"ws": "http", "wss": "https"}.get(
        request.scheme, request.scheme
    )  # some proxies' word
    host = request.host.lower()
    return f"{scheme}://{host.removesuffix(f':{DEFAULT_PORTS.get(scheme)}')}"


def may_ask(request: web.Request, others: Collection[str]) -> bool:
    """Does it come from a page of ours, of one of the `others`, or from no page at all?"""
    origin = request.headers.get("Origin")
    changes = request.method not in READS or request.headers.get("Upgrade", "") != ""
    if origin is None or not changes:
        return True
    return origin in others or origin.lower() == own_origin(request)


def is_preflight(request: web.Request) -> bool:
    """A browser asking whether a page of another site may send what it is about to send."""
    asks = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and asks and request.path.startswith("/api/")


def is_from_afar(request: web.Request) -> bool:
    """Is a request to a loopback address not of this machine after all?

    A name of somebody else's that was made to point to 127.0.0.1 (DNS rebinding), or a proxy that
    the configuration does not know of.
    """
    if PROXIED in request:
        return False
    return not is_loopback(request.host) or "X-Forwarded-For" in request.headers


def is_loopback(host_and_port: str) -> bool:
    """Does "127.0.0.1:8080", "[::1]:8080" or "localhost" name this machine?"""
    try:
        host = URL(f"//{host_and_port}").host
    except ValueError:
        return False
    address = parsed(host)
    if address is not None:
        return address.is_loopback
    return host == "localhost" or (host or "").endswith(".localhost")
