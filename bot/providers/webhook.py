"""Asks the servers that a persona's `[[tools.webhooks]]` name, once, and never anybody else.

A redirect is not followed: it could lead to a server that nobody allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx

from bot.errors import ProviderError
from bot.providers.http_errors import malformed, within
from bot.providers.openai_http import CONNECT_S, tls
from bot.secrets import secret
from bot.tool_settings import PLACEHOLDER, Webhook

MOST_BYTES = 64 * 1024  # of an answer
MOST_CHARS = 4000  # of it for the model, about a thousand tokens
IN_QUERY = frozenset({"GET", "DELETE"})


class WebhookClient:
    """One per process and persona; its connections stay open between calls."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def ask(self, webhook: Webhook, arguments: Mapping[str, Any], call_id: str) -> str:
        """The answer as text: JSON without needless spaces, or the first MOST_CHARS of what came.

        `arguments` have been validated. Raises ProviderError, named after the webhook, and
        ConfigError when its token cannot be read.
        """
        url = PLACEHOLDER.sub(
            lambda found: quote(_plain(arguments.get(found[1], "")), safe=""), webhook.url
        )
        rest = {
            name: value
            for name, value in arguments.items()
            if name not in PLACEHOLDER.findall(webhook.url)
        }
        headers = {"X-Call-Id": call_id}
        if webhook.bearer_env and (token := secret(webhook.bearer_env)):
            headers["Authorization"] = f"Bearer {token}"
        request: dict[str, Any] = {"headers": headers, "timeout": _timeout(webhook)}
        if rest and webhook.method in IN_QUERY:
            request["params"] = httpx.URL(url).params.merge(
                {name: _plain(value) for name, value in rest.items()}
            )
        elif webhook.method not in IN_QUERY:
            request["json"] = rest
        async with (
            within(webhook.name, webhook.timeout_s, webhook.host),
            self._open().stream(webhook.method, url, **request) as response,
        ):
            return _text(webhook.name, response, await _body(webhook.name, response))

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(verify=tls(), follow_redirects=False)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def _timeout(webhook: Webhook) -> httpx.Timeout:
    return httpx.Timeout(webhook.timeout_s, connect=min(CONNECT_S, webhook.timeout_s))


def _plain(value: Any) -> str:
    """A string as it is, anything else as JSON: true, 5, ["a"]."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def _body(name: str, response: httpx.Response) -> bytes:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise malformed(name, f"answered more than {MOST_BYTES // 1024} KiB")
    return body


def _text(name: str, response: httpx.Response, body: bytes) -> str:
    if not response.is_success:
        code = response.status_code
        raise ProviderError(name, f"HTTP {code}", retryable=code >= 500, code=str(code))
    text = body.decode(response.charset_encoding or "utf-8", errors="replace").strip()
    with suppress(ValueError):  # no JSON: the model reads the text as it is
        text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return text[:MOST_CHARS]
