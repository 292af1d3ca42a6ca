"""Webhooks against a real server: what goes out, what comes back, what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.errors import ProviderError
from bot.providers.webhook import MOST_CHARS, WebhookClient
from bot.tool_settings import Webhook


@dataclass
class Shop:
    """Answers as it is told, and remembers what it was asked."""

    answer: web.Response | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    delay_s: float = 0.0
    host: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(
            {
                "method": request.method, "path": request.raw_path, "query": dict(request.query),
                "body": json.loads(body) if body else None, "headers": dict(request.headers),
            }
        )  # fmt: skip
        await asyncio.sleep(self.delay_s)
        return self.answer or web.json_response({"status": "on its way", "days": 2})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.host = f"127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[WebhookClient]:
    made = WebhookClient()
    yield made
    await made.close()


def hook(shop: Shop, path: str = "/orders/{number}", **changes: Any) -> Webhook:
    return Webhook(name="order_status", about="x", url=f"http://{shop.host}{path}", **changes)


async def test_get_fills_the_path_and_puts_the_rest_into_the_query(
    shop: Shop, client: WebhookClient
) -> None:
    answer = await client.ask(
        hook(shop, "/orders/{number}?lang=en"),
        {"number": "7/../x", "open": True, "of": "Ada"},
        "c1",
    )
    assert json.loads(answer) == {"status": "on its way", "days": 2} and ": " not in answer
    (asked,) = shop.asked
    assert asked["method"] == "GET" and asked["body"] is None
    assert asked["path"].startswith("/orders/7%2F..%2Fx?"), "an argument stays within its place"
    assert asked["query"] == {"lang": "en", "open": "true", "of": "Ada"}
    assert asked["headers"]["X-Call-Id"] == "c1"


async def test_post_sends_json_and_the_token_from_the_environment(
    shop: Shop, client: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "geheim-123")
    order = hook(shop, "/orders", method="POST", bearer_env="SHOP_TOKEN")
    await client.ask(order, {"item": "tea", "count": 2}, "c1")
    (asked,) = shop.asked
    assert asked["body"] == {"item": "tea", "count": 2} and not asked["query"]
    assert asked["headers"]["Authorization"] == "Bearer geheim-123"


async def test_a_redirect_is_not_followed(shop: Shop, client: WebhookClient) -> None:
    shop.answer = web.Response(status=302, headers={"Location": f"http://{shop.host}/elsewhere"})
    with pytest.raises(ProviderError) as error:
        await client.ask(hook(shop), {"number": "1"}, "c1")
    assert error.value.code == "302" and len(shop.asked) == 1


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (422, False), (500, True)])
async def test_a_refusal_tells_its_code_and_nothing_of_the_answer(
    shop: Shop, client: WebhookClient, status: int, retryable: bool
) -> None:
    shop.answer = web.Response(status=status, text="Ada Lovelace is unknown")
    with pytest.raises(ProviderError) as error:
        await client.ask(hook(shop), {"number": "1"}, "c1")
    assert error.value.code == str(status) and error.value.retryable is retryable
    assert "Ada" not in str(error.value) and error.value.provider == "order_status"


async def test_a_slow_server_is_given_up_after_its_time(shop: Shop, client: WebhookClient) -> None:
    shop.delay_s = 30.0
    with pytest.raises(ProviderError) as error:
        await client.ask(hook(shop, timeout_s=0.2), {"number": "1"}, "c1")
    assert error.value.code == "timeout"


async def test_a_server_that_is_not_there(client: WebhookClient) -> None:
    nowhere = Webhook(name="x", about="x", url="http://127.0.0.1:1/y")
    with pytest.raises(ProviderError) as error:
        await client.ask(nowhere, {}, "c1")
    assert error.value.code == "unreachable"


async def test_an_endless_answer_is_refused_and_a_long_one_cut(
    shop: Shop, client: WebhookClient
) -> None:
    shop.answer = web.Response(text="la " * 50_000)
    with pytest.raises(ProviderError, match="more than 64 KiB"):
        await client.ask(hook(shop), {"number": "1"}, "c1")
    shop.answer = web.Response(text="la " * 5_000)
    assert len(await client.ask(hook(shop), {"number": "1"}, "c1")) == MOST_CHARS
