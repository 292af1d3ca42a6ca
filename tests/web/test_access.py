"""The door through a real server: who may come in to do what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from bot.config import Config, Store
from bot.web.app import make_app
from bot.web.links import Links
from bot.web_settings import Web
from tests.support.door import (
    FROM_PROXY,
    KEY,
    WHO,
    Browser,
    app_with_policy,
    call,
    expired,
    for_status,
    refused,
    status,
    with_probes,
)

OPEN_TO_ALL = ("/healthz", "/static/style.css", "/talk.js", "/api/openapi.json")
FOR_CALLS = ("/", "/api/numbers", "/api/calls/7", "/nowhere")
FOR_STATUS = ("/status", "/calls/7", "/api/dial", "/api/trunks")
Door = Callable[..., Browser]


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setenv("WEB_LINK_SECRET", KEY)
    return partial(app_with_policy, tmp_path)


# ---- what a grant opens


async def test_without_a_link_only_what_is_public_opens(door: Door) -> None:
    async with door(access="link") as client:
        for path in OPEN_TO_ALL:
            assert await status(client.get(path)) in (200, 404), path
        for path in (*FOR_CALLS, *FOR_STATUS):
            text = await refused(client.get(path), 401)
            assert "python -m bot link" in text, path


@pytest.mark.parametrize("how", ["query", "bearer"])
async def test_a_call_link_opens_calls_and_never_the_status(door: Door, how: str) -> None:
    async with door(access="link") as client:

        def get(path: str, token: str) -> Any:
            client.session.cookie_jar.clear()
            if how == "query":
                return client.get(path, params={"token": token})
            return client.get(path, headers={"Authorization": f"bearer {token}"})

        for path in FOR_CALLS:
            assert await status(get(path, call())) in (200, 404), path
        for path in FOR_STATUS:
            assert "link for this page" in await refused(get(path, call()), 403), path
            assert await status(get(path, for_status())) in (200, 404), path
        for path in FOR_CALLS:
            assert await status(get(path, for_status())) == 403, path


@pytest.mark.parametrize(
    "path",
    ["/calls/7", "/calls/call%2F7", "/%63alls/7", "/calls/", "/calls//7", "/./calls/7",
     "/static/../calls/7", "/healthz/../calls/7", "/status/", "/status?token=", "/STATUS"],
)  # fmt: skip
async def test_no_spelling_of_the_address_opens_the_status(door: Door, path: str) -> None:
    async with door(access="link") as client:
        for cookie in ("", f"call_link={call()}", f"status_link={call()}"):
            host, port = client.host, client.port
            head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"{head}Cookie: {cookie}\r\n\r\n".encode())
            answer = (await reader.read()).decode()
            writer.close()
            assert re.match(r"HTTP/1.1 (401|403|404) ", answer), answer
            assert '"scopes"' not in answer and "Conversation" not in answer


async def test_a_handler_is_told_the_grant(door: Door) -> None:
    async with (
        door(access="link") as client,
        client.get("/api/test-who", params={"token": call("1000")}) as response,
    ):
        found = await response.json()
        assert (found["scopes"], found["subject"]) == (["call"], "1000")


@pytest.mark.parametrize(
    ("token", "code", "words"),
    [
        (expired(), 401, "expired"), ("nonsense", 401, "not valid"),
        (Links("x" * 40).make(valid_s=60), 401, "not valid"),
        (jwt.encode({"sub": "*", "scope": "call", "aud": "shop", "iat": 1, "exp": 9e9}, KEY), 403,
         "something else"),
    ],
)  # fmt: skip
async def test_refusals_are_told_apart_and_quote_nothing(
    door: Door, token: str, code: int, words: str
) -> None:
    async with door(access="link") as client:
        page = await refused(client.get("/", params={"token": token}), code)
        assert words in page and "<h1>" in page and token not in page
        async with client.get("/api/numbers", params={"token": token}) as response:
            assert response.status == code
            error = (await response.json())["error"]
            assert error["code"] == "forbidden" and error["text"] in page
            assert ("WWW-Authenticate" in response.headers) == (code == 401)


async def test_websockets_are_refused_before_the_upgrade(door: Door) -> None:
    async with door(access="link") as client:
        for token in ("", expired(), for_status(), "x"):
            with pytest.raises(WSServerHandshakeError) as caught:
                await client.ws_connect("/ws/test", params={"token": token})
            assert caught.value.status == 403
        async with client.ws_connect("/ws/test", params={"token": call()}) as ws:
            assert await ws.receive_str() == "here"


# ---- the cookie


async def test_a_page_opened_with_a_link_opens_again_without(door: Door) -> None:
    async with door(access="link") as client:
        async with client.get("/", params={"token": call(valid_s=60)}) as response:
            assert response.status == 200
            cookie = response.headers["Set-Cookie"]
        assert re.fullmatch(
            r"call_link=\S+; HttpOnly; Max-Age=(59|60); Path=/; SameSite=Lax", cookie
        )
        assert await status(client.get("/")) == 200
        async with client.ws_connect("/ws/test") as ws:  # as a page's socket: with cookies
            assert await ws.receive_str() == "here"
        assert await status(client.get("/status")) == 401
        assert await status(client.get("/status", params={"token": for_status()})) == 200
        assert await status(client.get("/status")) == 200
        assert await status(client.get("/")) == 200  # each kind of link has a cookie of its own


async def test_no_cookie_comes_of_a_refusal_or_of_the_api(door: Door) -> None:
    async with door(access="link") as client:
        for path, token in (("/", expired()), ("/api/numbers", call()), ("/status", call())):
            async with client.get(path, params={"token": token}) as response:
                assert "Set-Cookie" not in response.headers


async def test_a_cookie_is_secure_behind_https(door: Door) -> None:
    async with door(access="link", trusted_proxies=["127.0.0.1"]) as client:
        for headers, secure in ((FROM_PROXY, True), ({}, False)):
            async with client.get("/", params={"token": call()}, headers=headers) as response:
                assert ("; Secure" in response.headers["Set-Cookie"]) == secure


# ---- open, and open to this machine only


async def test_on_loopback_everything_is_open_to_this_machine(door: Door) -> None:
    async with door() as client:
        for path in (*OPEN_TO_ALL, *FOR_STATUS, "/", "/api/numbers"):
            assert await status(client.get(path)) in (200, 404), path
        for host in ("localhost:8080", "[::1]:8080", "127.0.0.1", "bot.localhost"):
            assert await status(client.get("/", headers={"Host": host})) == 200, host
        async with client.get("/api/test-who") as response:
            assert (await response.json())["scopes"] == ["call", "status"]


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "evil.example:8080"},
     {"Host": "localhost@evil.example"}, {"Host": "192.168.1.9"}, {"X-Forwarded-For": "1.2.3.4"}],
)  # fmt: skip
async def test_a_rebound_name_and_an_unknown_proxy_are_no_loopback(
    door: Door, headers: dict[str, str]
) -> None:
    async with door() as client:
        assert "web.trusted_proxies" in await refused(client.get("/", headers=headers), 403)
        assert await status(client.post("/api/test-begin", headers=headers)) == 403


async def test_a_proxy_makes_auto_ask_for_links(door: Door) -> None:
    async with door(trusted_proxies=["127.0.0.1"]) as client:
        assert await status(client.get("/", headers=FROM_PROXY)) == 401
        assert await status(client.get("/")) == 401
    async with door(bind="0.0.0.0:8080") as client:
        assert await status(client.get("/")) == 401


async def test_open_to_everybody_is_open_for_calls_and_not_for_what_was_said(door: Door) -> None:
    async with door(access="open", bind="0.0.0.0:8080") as client:
        assert await status(client.get("/", headers={"Host": "bot.example.com"})) == 200
        for path in FOR_STATUS:
            assert await status(client.get(path)) == 401
            assert await status(client.get(path, params={"token": call()})) == 403
            assert await status(client.get(path, params={"token": for_status()})) in (200, 404)
            client.session.cookie_jar.clear()


async def test_an_application_without_a_policy_trusts_its_door(tmp_path: Path) -> None:
    config = Config(store=Store(path=tmp_path / "bot.db"), web=Web(access="link"))
    app = with_probes(make_app(config, WHO))
    async with TestClient(TestServer(app)) as client:
        async with client.get("/api/test-who", headers={"Host": "worker"}) as response:
            assert (await response.json())["scopes"] == ["call", "status"]
        for _ in range(30):
            async with client.post("/api/test-begin") as response:
                assert await response.json() == {"retry_after_s": None}
