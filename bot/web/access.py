"""The door: who may come in, from which site, how often, and to do what.

`make_policy` reads the configuration, `Policy.middlewares` stand before every handler of the
public application. An application without a policy trusts whoever reaches it: the worker behind
the door, on its Unix socket.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.addresses import split_address
from bot.config import Config
from bot.web.headers import PREFLIGHT, is_static
from bot.web.links import (
    CALLS,
    EVERYTHING,
    NOTHING,
    Grant,
    LinkRefused,
    Links,
    Scope,
    Why,
    links_of,
)
from bot.web.origins import DEFAULT_PORTS, is_from_afar, is_loopback, is_preflight, may_ask
from bot.web.proxies import believe, household
from bot.web.rates import Rate
from bot.web.refusals import for_programs, refusal

GRANT = web.RequestKey("grant", Grant)
COOKIES: dict[Scope, str] = {"call": "call_link", "status": "status_link"}
COOKIE_MAX_S = 400 * 24 * 3600  # browsers keep none longer
PUBLIC = ("/healthz", "/static", "/talk.js", "/api/openapi.json")
EVERYWHERE = ("0.0.0.0", "::")
# they show what callers said, or how many there are, or make calls that somebody pays for
FOR_STATUS = ("/status", "/calls", "/metrics", "/api/dial", "/api/trunks")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REMEDY: dict[Scope, str] = {
    "call": "Ask whoever runs this bot for a link. They make one with: python -m bot link NUMBER",
    "status": "Whoever runs this bot makes a link for this page with: python -m bot link --status",
}
REFUSED: dict[Why, tuple[int, str, str]] = {
    "expired": (401, "This link has expired", "Links are valid for a while only."),
    "forged": (401, "This link is not valid", "It is incomplete, or was not made for this bot."),
    "other": (403, "This link is for something else", "It does not open this page."),
}


def make_policy(config: Config) -> Policy:
    """The policy of the public application. Raises ConfigError when links cannot be signed."""
    return Policy(config, None if is_local(config) else links_of(config))


def access_mode(config: Config) -> Literal["open", "link"]:
    """What `web.access` comes to."""
    if config.web.access != "auto":
        return config.web.access
    return "open" if is_local(config) else "link"


def is_local(config: Config) -> bool:
    """Does only this machine reach the pages, as far as the configuration tells?"""
    if config.web.access == "link" or config.web.trusted_proxies:
        return False
    return bound_to_loopback(config)


def bound_to_loopback(config: Config) -> bool:
    return is_loopback(config.web.bind)


def base_url(config: Config, everywhere: str = "127.0.0.1") -> str:
    """Scheme, host and port of the pages as web.bind has them; `everywhere` is the host that
    stands for all addresses."""
    scheme = "https" if config.web.tls_cert else "http"
    host, port = split_address(config.web.bind)
    host = everywhere if host in EVERYWHERE else host
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


def grant_of(request: web.Request) -> Grant:
    """What the request may do; everything where the door has decided already."""
    grant: Grant = request.get(GRANT, EVERYTHING)
    return grant


def may_begin_call(request: web.Request) -> int | None:
    """Count a beginning call; None if it may begin, else after how many seconds to try again."""
    policy = request.config_dict.get(POLICY)
    return policy.calls.retry_after_s(household(request.remote)) if policy else None


class Policy:
    """What the configuration says about access."""

    def __init__(self, config: Config, links: Links | None) -> None:
        """`links` None: whoever reaches the pages is of this machine and may do everything."""
        self._links = links
        self._open = access_mode(config) == "open"
        self._loopback = bound_to_loopback(config)
        self._others = frozenset(config.web.origins)
        self._requests = Rate(config.web.requests_per_minute)
        self.calls = Rate(config.web.calls_per_minute)
        self.middlewares: list[Middleware] = [believe(config.web.trusted_proxies), self._door()]

    def _door(self) -> Middleware:
        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._check_rate(request)
            self._check_origin(request)
            if is_preflight(request):
                return web.Response(status=204, headers=PREFLIGHT)
            grant = request[GRANT] = self._grant(request)
            response = await handler(request)
            self._remember(request, response, grant)
            return response

        return door

    def _check_rate(self, request: web.Request) -> None:
        if is_static(request.path):
            return
        wait_s = self._requests.retry_after_s(household(request.remote))
        if wait_s is not None:
            text = f"Your address has asked too often. Try again in {wait_s} s."
            raise refusal(429, "Too many requests", text, {"Retry-After": str(wait_s)})

    def _check_origin(self, request: web.Request) -> None:
        if self._open and self._loopback and is_from_afar(request):
            text = (
                "The bot is open to this machine only. Use http://127.0.0.1, or name the proxy "
                "before it in web.trusted_proxies."
            )
            raise refusal(403, "Not from this machine", text)
        origin = request.headers.get("Origin")
        if is_preflight(request) and origin not in self._others:
            raise refusal(403, "Another site asks", NOT_OURS)
        if not may_ask(request, self._others):
            raise refusal(403, "Another site asks", NOT_OURS)

    def _grant(self, request: web.Request) -> Grant:
        """What the request may do. Raises a refusal when that is not what it wants."""
        wanted = scope_of(request)
        if self._links is None:
            return EVERYTHING
        if wanted is None:
            return NOTHING
        if wanted == "call" and self._open:
            return CALLS
        token = shown_token(request) or request.cookies.get(COOKIES[wanted], "")
        if not token:
            raise _refused(request, 401, "A link is needed", "This page opens with a link.", wanted)
        try:
            grant = self._links.read(token)
            if wanted not in grant.scopes:
                raise LinkRefused("other")
        except LinkRefused as error:
            raise _refused(request, *REFUSED[error.why], wanted) from None
        return grant

    def _remember(self, request: web.Request, response: web.StreamResponse, grant: Grant) -> None:
        """A page that was opened with `?token=` opens again without it until the link expires."""
        token = request.query.get("token", "")
        page = not for_programs(request.path) and not response.prepared
        if not (token and page and grant.expires_at):
            return
        (scope,) = grant.scopes
        response.set_cookie(
            COOKIES[scope], token, path="/", httponly=True, samesite="Lax",
            secure=request.scheme in ("https", "wss"),
            max_age=int(min(max(1.0, grant.expires_at - time.time()), COOKIE_MAX_S)),
        )  # fmt: skip


POLICY = web.AppKey("policy", Policy)
NOT_OURS = "This site may not do that; whoever runs the bot can name it in web.origins."


def scope_of(request: web.Request) -> Scope | None:
    """What a grant must have for this request, by the route that answers it; None: nothing."""
    resource = request.match_info.route.resource
    place = resource.canonical if resource else request.path
    if place in PUBLIC:
        return None
    if any(place == each or place.startswith(f"{each}/") for each in FOR_STATUS):
        return "status"
    return "call"


def shown_token(request: web.Request) -> str:
    """The token in the address, or in the Authorization header."""
    if token := request.query.get("token"):
        return token
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _refused(
    request: web.Request, status: int, title: str, text: str, wanted: Scope
) -> web.HTTPException:
    if request.path.startswith("/ws/"):
        status = 403  # no browser would ask for a password here
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return refusal(status, title, f"{text} {REMEDY[wanted]}", headers)
