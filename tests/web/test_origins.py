"""The door through a real server: other sites, proxies, and how often somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

from tests.support.door import FROM_PROXY, KEY, Browser, app_with_policy, refused, status

Door = Callable[..., Browser]


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setenv("WEB_LINK_SECRET", KEY)
    return partial(app_with_policy, tmp_path)


# ---- other sites


async def test_another_site_changes_nothing_and_opens_no_socket(door: Door) -> None:
    async with door(origins=["https://shop.example"]) as client:
        own = f"http://127.0.0.1:{client.port}"
        for origin, allowed in (
            (own, True), ("https://shop.example", True), ("https://evil.example", False),
            ("null", False), (f"https://127.0.0.1:{client.port}", False),
            ("http://127.0.0.1:1", False), ("https://shop.example.evil", False),
        ):  # fmt: skip
            headers = {"Origin": origin}
            code = await status(client.post("/api/test-begin", headers=headers))
            assert code == (200 if allowed else 403), origin
            if allowed:
                async with client.ws_connect("/ws/test", headers=headers) as ws:
                    assert await ws.receive_str() == "here"
            else:
                with pytest.raises(WSServerHandshakeError, match="403"):
                    await client.ws_connect("/ws/test", headers=headers)
        assert await status(client.post("/api/test-begin")) == 200  # a program


async def test_our_own_origin_is_what_the_proxy_says_it_is(door: Door) -> None:
    async with door(access="open", trusted_proxies=["127.0.0.0/8"]) as client:
        for proto in ("https", "wss"):
            headers = FROM_PROXY | {"X-Forwarded-Proto": proto}
            own = headers | {"Origin": "https://bot.example.com"}
            assert await status(client.post("/api/test-begin", headers=own)) == 200
        other = FROM_PROXY | {"Origin": f"http://127.0.0.1:{client.port}"}
        assert await status(client.post("/api/test-begin", headers=other)) == 403
    async with door(access="open", bind="0.0.0.0:1", trusted_proxies=["192.0.2.1"]) as client:
        forged = FROM_PROXY | {"Origin": "https://bot.example.com"}
        assert await status(client.post("/api/test-begin", headers=forged)) == 403


async def test_named_sites_may_use_the_api_and_the_scripts(door: Door) -> None:
    async with door(access="link", origins=["https://shop.example"]) as client:
        ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        async with client.options("/api/calls", headers=ask) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
            assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
            assert response.headers["Vary"] == "Origin"
        for path in ("/talk.js", "/api/numbers", "/api/openapi.json"):  # refusals can be read too
            async with client.get(path, headers={"Origin": "https://shop.example"}) as response:
                assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
                assert "Access-Control-Allow-Credentials" not in response.headers
        ask["Origin"] = "https://evil.example"
        assert await status(client.options("/api/calls", headers=ask)) == 403
        for path in ("/talk.js", "/api/numbers", "/healthz", "/"):
            async with client.get(path, headers={"Origin": "https://evil.example"}) as response:
                assert "Access-Control-Allow-Origin" not in response.headers
        async with client.get("/", headers={"Origin": "https://shop.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers  # pages are nobody's


# ---- who asks


@pytest.mark.parametrize(
    ("forwarded", "client_is"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the left part is the client's own word
        ("203.0.113.9, 10.0.0.7, 127.0.0.1", "203.0.113.9"),
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8::7", "2001:db8::7"),
        (None, "127.0.0.1"),
    ],
)
async def test_the_client_is_the_rightmost_that_is_not_trusted(
    door: Door, forwarded: str | None, client_is: str
) -> None:
    async with door(access="open", trusted_proxies=["127.0.0.1", "10.0.0.0/8"]) as client:
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        async with client.get("/api/test-who", headers=headers) as response:
            assert (await response.json())["from"] == client_is


async def test_nobody_else_is_believed(door: Door) -> None:
    async with door(access="open", bind="0.0.0.0:1", trusted_proxies=["192.0.2.1"]) as client:
        async with client.get("/api/test-who", headers=FROM_PROXY) as response:
            found = await response.json()
        assert found["from"] == "127.0.0.1"
        assert found["url"].startswith(f"http://127.0.0.1:{client.port}/")


async def test_a_proxy_that_talks_nonsense_gets_400(door: Door) -> None:
    async with door(access="open", trusted_proxies=["127.0.0.1"]) as client:
        headers = {"X-Forwarded-For": "unknown, <script>"}
        text = await refused(client.get("/", headers=headers), 400)
        assert "<script>" not in text


# ---- how often


async def test_too_many_requests_are_told_when_to_come_again(door: Door) -> None:
    async with door(requests_per_minute=10) as client:
        for _ in range(20):
            assert await status(client.get("/static/style.css")) == 200
        for _ in range(10):
            assert await status(client.get("/")) == 200
        assert "Try again in" in await refused(client.get("/"), 429)
        async with client.get("/api/numbers") as response:
            assert response.status == 429
            assert 50 <= int(response.headers["Retry-After"]) <= 60
            assert (await response.json())["error"]["code"] == "too_many"


async def test_each_address_has_its_own_count_of_calls(door: Door) -> None:
    settings = {"access": "open", "calls_per_minute": 2, "trusted_proxies": ["127.0.0.1"]}

    async def begins(client: Browser, address: str) -> int | None:
        headers = {"X-Forwarded-For": address}
        async with client.post("/api/test-begin", headers=headers) as response:
            found: dict[str, int | None] = await response.json()
            return found["retry_after_s"]

    async with door(**settings) as client:
        for address in ("203.0.113.1", "203.0.113.2", "2001:db8:0:1::1"):
            assert [await begins(client, address) for _ in range(2)] == [None, None]
        for address in ("203.0.113.1", "2001:db8:0:1:ffff::2"):  # one household, one /64
            wait_s = await begins(client, address)
            assert wait_s is not None and 50 <= wait_s <= 60
        assert await begins(client, "2001:db8:0:2::1") is None
