"""What the three OpenAI-compatible providers share: the connection, its errors, its streams."""

from __future__ import annotations

import asyncio
import math
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import httpx

from bot.errors import ProviderError, ProviderTimeout

UNIX = "unix://"
CONNECT_S = 3.0
IDLE_S = 55.0  # most servers and balancers drop an idle connection after 60 s
MAX_CONNECTIONS = 32
MESSAGE_CHARS = 200

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and how it is asked."""

    base_url: str  # "https://host/openai/v1", "http://127.0.0.1:8000/v1", "unix:///run/x.sock"
    api_key_env: str = ""  # name of the environment variable that holds the key
    deadline_s: float = 8.0  # to the whole answer, or to each next piece of a stream


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Shared by all providers: reading the certificates takes 50 ms."""
    return httpx.create_ssl_context()


def open_client(endpoint: Endpoint) -> httpx.AsyncClient:
    """A client that keeps its connections; on a Unix socket paths are those under /v1."""
    limits = httpx.Limits(
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=IDLE_S,
    )
    key = os.environ.get(endpoint.api_key_env, "") if endpoint.api_key_env else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx.Timeout(endpoint.deadline_s, connect=min(CONNECT_S, endpoint.deadline_s))
    if endpoint.base_url.startswith(UNIX):
        return httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                uds=endpoint.base_url.removeprefix(UNIX), limits=limits, verify=False
            ),
            base_url="http://speech/v1",
            headers=headers,
            timeout=timeout,
            trust_env=False,  # a proxy cannot reach our socket
        )
    secure = endpoint.base_url.startswith("https:")
    return httpx.AsyncClient(
        base_url=endpoint.base_url,
        headers=headers,
        timeout=timeout,
        limits=limits,
        verify=tls() if secure else False,
    )


class Server:
    """One server, asked over connections that stay open. `name` is the provider's."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.endpoint = endpoint
        self._client = open_client(endpoint)

    async def post(self, path: str, **request: Any) -> httpx.Response:
        """The whole answer within the deadline. Raises ProviderError."""
        async with self._deadline():
            response = await self._client.post(path, **request)
        self._check(response)
        return response

    @asynccontextmanager
    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """An answer whose body is read piece by piece, see `pieces`. Raises ProviderError."""
        request = self._client.build_request("POST", path, json=body)
        async with self._deadline():
            response = await self._client.send(request, stream=True)
        try:
            if response.is_error:
                async with self._deadline():
                    await response.aread()
                self._check(response)
            yield response
        finally:
            await response.aclose()

    async def pieces(self, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        """`stream`, each piece within the deadline, its errors as ProviderError."""
        async with aclosing(stream):
            while True:
                async with self._deadline():
                    piece = await anext(stream, None)
                if piece is None:
                    return
                yield piece

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.endpoint.deadline_s):
                yield
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderTimeout(self.name, self.endpoint.deadline_s) from None
        except httpx.HTTPError as error:
            what = f"{type(error).__name__} at {self.endpoint.base_url}"
            again = isinstance(error, httpx.TransportError)
            code = "unreachable" if isinstance(error, httpx.ConnectError) else "failed"
            raise ProviderError(self.name, what, retryable=again, code=code) from None

    def _check(self, response: httpx.Response) -> None:
        """Raises ProviderError for an answer that is an error."""
        if not response.is_error:
            return
        code = response.status_code
        what = f"HTTP {code}: {error_message(response)}"
        if code in (401, 403) and self.endpoint.api_key_env:
            what += f" (check the key in {self.endpoint.api_key_env})"
        raise ProviderError(
            self.name,
            what,
            retryable=code in (408, 409, 425, 429) or code >= 500,
            retry_after_s=retry_after_s(response.headers),
            code=str(code),
        )

    async def close(self) -> None:
        await self._client.aclose()


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; its other form, a date, is not sent by these servers."""
    try:
        wait_s = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return wait_s if 0 <= wait_s < math.inf else None


def error_message(response: httpx.Response) -> str:
    """The message of an OpenAI error object, else the status phrase."""
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
    return str(message)[:MESSAGE_CHARS]


async def body(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body as it arrives."""
    async for piece in response.aiter_bytes():
        yield piece


async def sse_data(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[str, None]:
    """The `data` of each server-sent event (one line each, as OpenAI sends them).

    Splits at line feeds only: httpx's own lines would also break at U+2028 inside JSON.
    """
    held = b""
    async with aclosing(stream):
        async for piece in stream:
            *lines, held = (held + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield line.removeprefix(b"data:").strip().decode(errors="replace")
