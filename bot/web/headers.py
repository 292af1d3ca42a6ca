"""Headers of every answer, in one place: what a page may load, who may embed it, who may keep it.

They are set when an answer is about to be sent, so events and WebSockets have them too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from bot.config import Config

# 'self' of connect-src includes ws and wss of the same host (CSP level 3): Chromium, Firefox, and
# Safari since 15.4.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; font-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address of a page may hold a link's token
}
STATIC_FOR = "public, max-age=60"  # after that the browser asks, by ETag, whether it changed
HSTS = "max-age=15552000"  # half a year
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}
Prepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def is_static(path: str) -> bool:
    """Files that are the same for everybody."""
    return path.startswith("/static/") or path == "/talk.js"


def set_headers(config: Config) -> Prepare:
    """For `on_response_prepare`."""
    https, others = bool(config.web.tls_cert), config.web.origins

    async def headed(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers.update(HEADERS)
        kept = is_static(request.path) and response.status < 400
        headers["Cache-Control"] = STATIC_FOR if kept else "no-store"
        module = is_static(request.path) and request.path.endswith(".js")
        # scripts are no secret; everything else stays out of other sites' reach
        headers["Cross-Origin-Resource-Policy"] = "cross-origin" if module else "same-origin"
        if module or request.path.startswith("/api/"):
            _open_to(others, request, response)
        if https:
            headers["Strict-Transport-Security"] = HSTS

    return headed


def _open_to(origins: Sequence[str], request: web.Request, response: web.StreamResponse) -> None:
    """Let scripts of those sites read the answer. They show a token, never a cookie."""
    if not origins:
        return
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin", "")
    if origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
