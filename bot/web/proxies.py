"""Who really asks, and under which name, when a proxy stands before us.

X-Forwarded-* is believed only when the connection comes from an address in `web.trusted_proxies`;
reading it is aiohttp-remotes' work.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp_remotes import XForwardedFiltered

PROXIED = web.RequestKey("proxied", bool)  # set when it came through a trusted proxy
IPV6_HOME = 64  # bits; a household has at least so many addresses to itself
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def believe(trusted: Sequence[str]) -> Middleware:
    """Requests from the trusted show their client's address, scheme and host from here on.

    The client is the rightmost entry of X-Forwarded-For that is not itself trusted.
    """
    networks = [ipaddress.ip_network(each) for each in trusted]
    reader = XForwardedFiltered(set(trusted))

    @web.middleware
    async def believed(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer = parsed(request.remote)
        if peer is None or not any(peer in network for network in networks):
            return await handler(request)
        request[PROXIED] = True
        return await reader.middleware(request, handler)

    return believed


def parsed(address: str | None) -> IpAddress | None:
    """The address; an IPv4 one that came through an IPv6 socket as what it is."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def household(address: str | None) -> str:
    """Whom requests are counted for: an IPv4 address, or the /64 of an IPv6 one."""
    found = parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found.packed, IPV6_HOME), strict=False))
    return str(found)
