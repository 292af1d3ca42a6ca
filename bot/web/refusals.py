"""Refusals and other HTTP errors: a page for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.web.messages import Code, Error

CODES: dict[int, Code] = {
    401: "forbidden", 403: "forbidden", 404: "not_found", 410: "no_call", 429: "too_many",
    503: "busy",
}  # fmt: skip
KEPT = ("Allow", "Retry-After", "WWW-Authenticate")
KINDS = {
    401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 429: web.HTTPTooManyRequests,
}  # fmt: skip
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page(Protocol):
    """Renders a template."""

    def __call__(self, template: str, status: int = 200, **values: str) -> web.Response: ...


def refusal(
    status: int, title: str, text: str, headers: Mapping[str, str] | None = None
) -> web.HTTPException:
    """To be raised; `guard` gives it its form."""
    return KINDS[status](reason=title, text=text, headers=headers)


def for_programs(path: str) -> bool:
    return path.startswith(("/api/", "/ws/"))


def guard(page: Page) -> Middleware:
    """HTTP errors of any handler: a page of ours, or `{"error": …}` with a `messages.Error`."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.RequestPayloadError:  # no gzip, though it says so; a body cut off
            return _formed(request, web.HTTPBadRequest(text="The body cannot be read."), page)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = _formed(request, error, page)
            response.headers.update({k: v for k, v in error.headers.items() if k in KEPT})
            return response

    return guarded


def _formed(request: web.Request, error: web.HTTPException, page: Page) -> web.Response:
    text = error.text or ""
    if not for_programs(request.path):
        return page("error.html", error.status, title=error.reason, text=text)
    if error.content_type == "application/json":  # the handler has told it itself
        return web.Response(text=text, status=error.status, content_type=error.content_type)
    code = CODES.get(error.status, "bad_message" if error.status < 500 else "failed")
    retry = error.headers.get("Retry-After", "")
    told = Error(code=code, text=text, retry_after_s=int(retry) if retry.isdecimal() else None)
    return web.json_response({"error": told.model_dump()}, status=error.status)
