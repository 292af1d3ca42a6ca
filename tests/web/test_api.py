"""The API for programs: begin, follow, hang up; what it refuses and how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from bot.config import Web
from bot.web.access import make_policy
from bot.web.links import links_of
from tests.calls.house import House, make_house
from tests.support.web_phone import WebPhone
from tests.web.desk import Browser, Worker, dial, door, worker

__all__ = ["make_house"]


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()


@pytest.fixture
def desk(house: House) -> Worker:
    return worker(house, most=2)


@pytest_asyncio.fixture
async def browser(house: House, desk: Worker) -> AsyncIterator[Browser]:
    async with door(house, desk) as browser:
        yield browser
    await house.manager.drain("test over", 1.0)


async def told(answer: Any, status: int) -> dict[str, Any]:
    async with answer as response:
        body = await response.text()
        assert response.status == status, body
        return dict(json.loads(body)) if body else {}


async def nobody(phone: WebPhone, offer: str) -> str:
    raise AssertionError("nobody signals for this phone")


async def events(browser: Browser, call: str, since: str = "") -> list[dict[str, Any]]:
    """The whole stream, to its end."""
    headers = {"Last-Event-ID": since} if since else {}
    async with browser.get(f"/api/calls/{call}/events", headers=headers) as stream:
        assert stream.content_type == "text/event-stream"
        text = (await stream.read()).decode()
    found = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if fields:
            data = json.loads(fields["data"])
            assert fields["event"] == data["type"] and fields["id"] == str(data["seq"])
            found.append(data)
    return found


async def test_a_call_by_the_api_alone(browser: Browser, house: House) -> None:
    phone = WebPhone(nobody)
    begun = await told(
        browser.post("/api/calls", json={"number": "1000", "sdp": await phone.offer()}), 201
    )
    await phone.take_answer(begun["sdp"])
    await phone.answered(5)
    following = asyncio.ensure_future(events(browser, begun["id"]))
    await asyncio.sleep(1.0)
    seen = await told(browser.get(f"/api/calls/{begun['id']}"), 200)
    assert seen["state"] == "listening" and seen["persona"] == "test" and seen["call_id"]
    await told(browser.delete(f"/api/calls/{begun['id']}"), 204)
    happened = await asyncio.wait_for(following, 5)
    states = [each["state"] for each in happened if each["type"] == "agent_state"]
    assert states[-3:] == ["speaking", "listening", "ended"]
    assert happened[-1]["reason"] == "caller hung up"
    middle = happened[len(happened) // 2]["seq"]
    rest = await events(browser, begun["id"], str(middle))
    assert [each for each in happened if each in rest] == rest, "of each kind the last is kept"
    assert rest[-1] == happened[-1] and all(each["seq"] > middle for each in rest)
    assert (await told(browser.get(f"/api/calls/{begun['id']}"), 200))["state"] == "ended"
    assert (await house.record()).call.end_reason == "caller hung up"
    await phone.close()


async def test_a_reserved_call_comes_through_its_socket(browser: Browser) -> None:
    reserved = await told(browser.post("/api/calls", json={"persona": "test"}), 201)
    assert reserved["expires_s"] == 30 and reserved["sdp"] == "" and reserved["call_id"] == ""
    async with browser.ws_connect(reserved["signaling"]) as socket:
        phone = WebPhone(nobody)
        await socket.send_json({"type": "offer", "sdp": await phone.offer()})
        async for message in socket:
            if json.loads(message.data)["type"] == "answer":
                break
        await told(browser.delete(f"/api/calls/{reserved['id']}"), 204)
        await phone.close()


async def test_what_is_reserved_can_be_given_back(browser: Browser, desk: Worker) -> None:
    one = await told(browser.post("/api/calls", json={"number": "1000"}), 201)
    assert desk.rooms.free == 1
    await told(browser.delete(f"/api/calls/{one['id']}"), 204)
    assert desk.rooms.free == 2


async def test_all_lines_busy_is_503_and_says_when_to_come_again(browser: Browser) -> None:
    for _ in range(2):
        await told(browser.post("/api/calls", json={"number": "1000"}), 201)
    async with browser.post("/api/calls", json={"number": "1000"}) as response:
        assert response.status == 503 and int(response.headers["Retry-After"]) > 0
        assert (await response.json())["error"]["code"] == "busy"
    phone = WebPhone(nobody)
    offer = {"sdp": await phone.offer(), "number": "1000"}
    refused = await told(browser.post("/api/webrtc/offer", json=offer), 503)
    assert refused["error"]["text"] == "All lines are busy."
    await phone.close()


async def test_a_further_offer_in_one_shot_moves_the_call(browser: Browser, desk: Worker) -> None:
    phone = await dial(browser)
    (room,) = [each for each in desk.rooms._rooms.values() if not each.over]
    other = WebPhone(nobody)
    offer = {"sdp": await other.offer(), "id": room.room_id}
    moved = await told(browser.post("/api/webrtc/offer", json=offer), 200)
    await other.take_answer(moved["sdp"])
    await other.answered(5)
    assert moved["id"] == room.room_id and desk.rooms.taken == 1
    await told(browser.delete(f"/api/calls/{room.room_id}"), 204)
    await other.close()
    await phone.close()
    await phone.session.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/calls", {"number": "9999"}, 404, "not_found"),
        ("POST", "/api/calls", {"persona": "nobody"}, 404, "not_found"),
        ("POST", "/api/calls", {"number": 7}, 400, "bad_message"),
        ("POST", "/api/calls", {"number": "1000", "more": 1}, 400, "bad_message"),
        ("POST", "/api/calls", {"number": "1000", "sdp": "v=0"}, 400, "bad_offer"),
        ("POST", "/api/webrtc/offer", {"number": "1000"}, 400, "bad_message"),
        ("POST", "/api/webrtc/offer", {"sdp": "x", "id": "none-of-this-id"}, 404, "no_call"),
        ("GET", "/api/calls/none-of-this-id", None, 404, "no_call"),
        ("GET", "/api/calls/none-of-this-id/events", None, 404, "no_call"),
        ("DELETE", "/api/calls/none-of-this-id", None, 404, "no_call"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    browser: Browser, desk: Worker, method: str, path: str, body: Any, status: int, code: str
) -> None:
    refused = await told(browser.request(method, path, json=body), status)
    assert refused["error"]["code"] == code and refused["error"]["text"]
    assert desk.rooms.free == 2


async def test_numbers_are_those_anybody_may_dial(browser: Browser) -> None:
    found = (await told(browser.get("/api/numbers"), 200))["numbers"]
    assert [(each["number"], each["persona"], each["name"]) for each in found] == [
        ("1000", "test", "Test"), ("1001", "test", "Test"),
    ]  # fmt: skip


async def test_a_link_calls_its_own_number_and_no_other(house: House, desk: Worker) -> None:
    config = house.config.model_copy(update={"web": Web(access="link", calls_per_minute=3)})
    token = links_of(config).make("1000", valid_s=60)
    async with door(house, desk, make_policy(config)) as browser:
        await told(browser.post("/api/calls", json={"number": "1000"}), 401)
        query = f"?token={token}"
        one = await told(browser.post(f"/api/calls{query}", json={"number": "1000"}), 201)
        other = await told(browser.post(f"/api/calls{query}", json={"number": "1001"}), 403)
        assert other["error"]["code"] == "forbidden"
        found = await told(browser.get(f"/api/numbers{query}"), 200)
        assert [each["number"] for each in found["numbers"]] == ["1000"]
        await told(browser.delete(f"/api/calls/{one['id']}{query}"), 204)
        await told(browser.post(f"/api/calls{query}", json={"number": "1000"}), 201)
        async with browser.post(f"/api/calls{query}", json={"number": "1000"}) as response:
            assert response.status == 429 and int(response.headers["Retry-After"]) > 0
    await house.manager.drain("test over", 1.0)
