"""What providers behind HTTP share: the connection, its errors, its streams."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import httpx

from bot.providers.http_errors import pieces, refusal, within
from bot.secrets import secret

UNIX = "unix://"
CONNECT_S = 3.0
IDLE_S = 55.0  # most servers and balancers drop an idle connection after 60 s
MAX_CONNECTIONS = 32
BEARER = "Authorization"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and how it is asked."""

    base_url: str  # "https://host/openai/v1", "http://127.0.0.1:8000/v1", "unix:///run/x.sock"
    api_key_env: str = ""  # name of the environment variable that holds the key
    deadline_s: float = 8.0  # to the whole answer, or to each next piece of a stream
    key_header: str = BEARER  # the header that carries the key

    @property
    def key(self) -> str:
        return secret(self.api_key_env) if self.api_key_env else ""


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
    headers = {}
    if key := endpoint.key:
        headers[endpoint.key_header] = f"Bearer {key}" if endpoint.key_header == BEARER else key
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
        """Raises ConfigError when the key cannot be read."""
        self.name = name
        self.endpoint = endpoint
        self._key = endpoint.key
        self._client = open_client(endpoint)

    async def post(self, path: str, **request: Any) -> httpx.Response:
        """The whole answer within the deadline. Raises ProviderError."""
        async with self._deadline():
            response = await self._client.post(path, **request)
        self._check(response, ())
        return response

    @asynccontextmanager
    async def stream(
        self, path: str, body: Mapping[str, Any], *, sent: Sequence[str] = ()
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose body is read piece by piece, see `pieces`. Raises ProviderError.

        `sent` is what is said in the request: an error that quotes it is told without.
        """
        request = self._client.build_request("POST", path, json=body)
        async with self._deadline():
            response = await self._client.send(request, stream=True)
        try:
            if not response.is_success:
                async with self._deadline():
                    await response.aread()
                self._check(response, sent)
            yield response
        finally:
            await response.aclose()

    def pieces(self, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        """`stream`, each piece within the deadline, its errors as ProviderError."""
        return pieces(stream, self._deadline)

    def _deadline(self) -> AbstractAsyncContextManager[None]:
        return within(self.name, self.endpoint.deadline_s, self.endpoint.base_url)

    def _check(self, response: httpx.Response, sent: Sequence[str]) -> None:
        """Raises ProviderError for an answer that is an error."""
        if not response.is_success:
            raise refusal(
                self.name, response, key=self._key, key_env=self.endpoint.api_key_env, sent=sent
            )

    async def close(self) -> None:
        await self._client.aclose()


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
