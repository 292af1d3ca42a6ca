"""The door through a real server: grants, cookies, origins, and who asks from where."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import ClientResponse, ClientSession, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer

from bot.config import Config, Store
from bot.dialplan import Dialplan, Route
from bot.library import Shelf
from bot.persona import Metadata, Persona
from bot.store.recorder import CallLog
from bot.web.access import grant_of, make_policy, may_begin_call
from bot.web.app import make_app
from bot.web.links import Links
from bot.web_settings import Web

KEY = "k" * 40
LINKS = Links(KEY)
PERSONA = Persona(
    slug="clinic", name="Clinic", greeting="Hi", system_prompt="x",
    metadata=Metadata(source_template_id="x"),
)  # fmt: skip
WHO = Shelf({"clinic": PERSONA}, frozenset(), Dialplan(default=Route(persona="clinic")), ())
OPEN_TO_ALL = ("/healthz", "/static/style.css", "/talk.js", "/api/openapi.json")
FOR_CALLS = ("/", "/api/numbers", "/api/calls/7", "/nowhere")
FOR_STATUS = ("/status", "/calls/7")
FROM_PROXY = {
    "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "bot.example.com",
}  # fmt: skip
Door = Callable[..., AbstractAsyncContextManager[Any]]


async def told(request: web.Request) -> web.Response:
    """What the handler knows of who asks."""
    grant = grant_of(request)
    return web.json_response(
        {"scopes": sorted(grant.scopes), "subject": grant.subject, "from": request.remote,
         "url": str(request.url)}
    )  # fmt: skip


async def begin(request: web.Request) -> web.Response:
    return web.json_response({"retry_after_s": may_begin_call(request)})


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    await answer.send_str("here")
    await answer.close()
    return answer


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    """A client of the application with the policy of `settings`."""
    monkeypatch.setenv("WEB_LINK_SECRET", KEY)

    def opened(**settings: Any) -> AbstractAsyncContextManager[Any]:
        config = Config(store=Store(path=tmp_path / "bot.db"), web=Web(**settings))
        CallLog(config.store.path).close()
        app = make_app(config, WHO, make_policy(config))
        existing = {route.resource.canonical for route in app.router.routes() if route.resource}
        for path in ("/status", "/calls/{id:.+}", "/talk.js", "/api/openapi.json",
                     "/api/numbers", "/api/calls/{id}"):  # fmt: skip
            if re.sub(r":.*}", "}", path) not in existing:
                app.router.add_get(path, told)
        app.router.add_get("/api/test-who", told)
        app.router.add_post("/api/test-begin", begin)
        app.router.add_get("/ws/test", socket)
        return TestClient(TestServer(app))

    return opened


async def status(answer: Any) -> int:
    async with answer as response:
        return int(response.status)


async def refused(answer: Any, code: int) -> str:
    """The words of a refusal."""
    async with answer as response:
        assert response.status == code
        text = await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        return str(text)


def call(subject: str = "*", valid_s: float = 60) -> str:
    return LINKS.make(subject, valid_s=valid_s)


def for_status() -> str:
    return LINKS.make(valid_s=60, scope="status")


def expired() -> str:
    now = int(time.time())
    claims = {"sub": "*", "scope": "call", "aud": "voice-bot", "iat": now - 900, "exp": now - 600}
    return jwt.encode(claims, KEY, "HS256")


# ---- what a grant opens


async def test_without_a_link_only_what_is_public_opens(door: Door) -> None:
    async with door(access="link") as client:
        for path in OPEN_TO_ALL:
            assert await status(client.get(path)) == 200, path
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
            assert "something else" in await refused(get(path, call()), 403), path
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
    app = make_app(config, WHO)
    app.router.add_get("/api/test-who", told)
    app.router.add_post("/api/test-begin", begin)
    async with TestClient(TestServer(app)) as client:
        async with client.get("/api/test-who", headers={"Host": "worker"}) as response:
            assert (await response.json())["scopes"] == ["call", "status"]
        for _ in range(30):
            async with client.post("/api/test-begin") as response:
                assert await response.json() == {"retry_after_s": None}


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

    async def begins(client: ClientSession, address: str) -> int | None:
        headers = {"X-Forwarded-For": address}
        response: ClientResponse
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
