"""Several web workers behind one door: calls go where there is room and are found again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import WSMsgType

from bot.config import Web
from bot.web.access import make_policy
from bot.web.links import links_of
from tests.calls.house import House, make_house
from tests.support.web_phone import WebPhone
from tests.web.desk import Browser, Worker, back_room, dial, door, worker
from tests.web.test_api import events, nobody, told

__all__ = ["make_house"]


@dataclass
class Exchange:
    """A door with two lines, and a worker behind it with two."""

    browser: Browser
    first: Worker
    second: Worker
    socket: Path


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()


@pytest_asyncio.fixture
async def exchange(house: House, tmp_path: Path) -> AsyncIterator[Exchange]:
    socket = tmp_path / "web-2.sock"
    first, second = worker(house, most=2, others=[socket]), worker(house, most=2)
    async with back_room(second, socket), door(house, first) as browser:
        yield Exchange(browser, first, second, socket)
    await house.manager.drain("test over", 1.0)


async def test_calls_spread_over_the_workers_and_the_fifth_is_told_busy(
    exchange: Exchange,
) -> None:
    for _ in range(4):
        await told(exchange.browser.post("/api/calls", json={"number": "1000"}), 201)
    assert (exchange.first.rooms.free, exchange.second.rooms.free) == (0, 0)
    refused = await told(exchange.browser.post("/api/calls", json={"number": "1000"}), 503)
    assert refused["error"]["code"] == "busy"


async def test_many_at_once_fill_every_line_and_no_more(exchange: Exchange) -> None:
    async def begin() -> int:
        async with exchange.browser.post("/api/calls", json={"number": "1000"}) as response:
            return response.status

    answers = await asyncio.gather(*(begin() for _ in range(9)))
    assert sorted(answers) == [201] * 4 + [503] * 5


async def test_a_call_elsewhere_is_followed_and_ended_through_the_door(
    exchange: Exchange,
) -> None:
    exchange.first.rooms.ready = False  # all lines of the door's own are out of order
    phone = await dial(exchange.browser)
    (room,) = exchange.second.rooms._rooms.values()
    following = asyncio.ensure_future(events(exchange.browser, room.room_id))
    await asyncio.sleep(0.5)
    assert (await told(exchange.browser.get(f"/api/calls/{room.room_id}"), 200))["call_id"]
    await told(exchange.browser.delete(f"/api/calls/{room.room_id}"), 204)
    assert (await asyncio.wait_for(following, 5))[-1]["state"] == "ended"
    await phone.close()
    await phone.session.close()  # type: ignore[attr-defined]


async def test_a_socket_is_passed_on_both_ways(exchange: Exchange) -> None:
    exchange.first.rooms.ready = False
    phone, path = WebPhone(nobody), "/ws/signaling/room-behind-the-door"
    async with exchange.browser.ws_connect(path) as socket:
        await socket.send_json({"type": "offer", "sdp": await phone.offer(), "number": "1000"})
        while (message := json.loads((await socket.receive(timeout=5)).data))["type"] != "answer":
            pass
        await phone.take_answer(message["sdp"])
        await phone.answered(5)
    async with exchange.browser.ws_connect(path) as again:
        await again.send_json({"type": "hang_up"})
        while (message := await again.receive(timeout=5)).type is WSMsgType.TEXT:
            last = json.loads(message.data)
        assert last["state"] == "ended" and again.close_code == 1000
        assert message.extra == "over", "the reason of the close comes through the door"
    assert exchange.first.rooms.get("room-behind-the-door") is None
    await phone.close()


async def test_what_a_link_may_do_is_known_behind_the_door(house: House, tmp_path: Path) -> None:
    config = house.config.model_copy(update={"web": Web(access="link")})
    token = links_of(config).make("1000", valid_s=60)
    socket = tmp_path / "web-2.sock"
    first, second = worker(house, others=[socket]), worker(house)
    first.rooms.ready = False
    policy = make_policy(config)
    async with back_room(second, socket), door(house, first, policy) as browser:
        query = f"?token={token}"
        await told(browser.post(f"/api/calls{query}", json={"number": "1001"}), 403)
        await told(browser.post(f"/api/calls{query}", json={"number": "1000"}), 201)
        assert second.rooms.taken == 1
    await house.manager.drain("test over", 1.0)


async def test_without_the_other_worker_the_door_does_what_it_can(
    exchange: Exchange,
) -> None:
    exchange.socket.unlink()
    for status in (201, 201, 503):
        await told(exchange.browser.post("/api/calls", json={"number": "1000"}), status)
    await told(exchange.browser.get("/api/calls/none-of-this-id"), 404)
