"""The signalling socket: a call through it, its limits, and coming back to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientWebSocketResponse, WSMsgType

from bot.legs.base import HangUp
from bot.web import rooms as rooms_module
from tests.calls.house import House, make_house
from tests.support.web_phone import WebPhone
from tests.web.desk import Browser, Worker, door, worker

__all__ = ["make_house"]
ROOM = "room-of-a-test-0001"


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()


@pytest.fixture
def desk(house: House) -> Worker:
    return worker(house, most=1)


@pytest_asyncio.fixture
async def browser(house: House, desk: Worker) -> AsyncIterator[Browser]:
    async with door(house, desk) as browser:
        yield browser
    await house.manager.drain("test over", 1.0)


class Talk:
    """A page: one socket, one phone behind it, and what it was told."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.phone = WebPhone(self._signal)

    async def _signal(self, _: WebPhone, offer: str) -> str:
        await self.say(type="offer", sdp=offer, number="1000")
        return str((await self.until("answer"))["sdp"])

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of this kind with these fields; what comes before is kept too."""
        async with asyncio.timeout(8):
            while True:
                message = await self.socket.receive()
                assert message.type is WSMsgType.TEXT, (message, self.told)
                self.told.append(json.loads(message.data))
                last = self.told[-1]
                if last["type"] == kind and all(last[k] == v for k, v in fields.items()):
                    return last

    async def closed(self) -> int | None:
        """Read to the end; the close code."""
        while (await self.socket.receive(timeout=5)).type is WSMsgType.TEXT:
            pass
        return self.socket.close_code

    async def call(self) -> None:
        await self.phone.dial()
        await self.phone.answered(5)


async def knock(browser: Browser, room: str = ROOM, query: str = "") -> Talk:
    return Talk(await browser.ws_connect(f"/ws/signaling/{room}{query}"))


async def test_a_call_from_offer_to_hang_up(browser: Browser, house: House) -> None:
    page = await knock(browser)
    await page.call()
    await page.until("transcript", who="agent", heard="Hello there.")
    await page.say(type="digit", digit="5")
    await page.say(type="ice-candidate", candidate=None)
    await page.until("agent_state", state="listening")
    await page.say(type="hang_up")
    ended = await page.until("agent_state", state="ended")
    assert ended["reason"] == "caller hung up"
    assert await page.closed() == 1000
    numbers = [each["seq"] for each in page.told if "seq" in each]
    assert numbers == sorted(numbers) == list(range(1, len(numbers) + 1))
    assert {each["v"] for each in page.told} == {1}
    detail = await house.record()
    assert detail.call.leg_id == ROOM and detail.call.codec == "opus"
    assert detail.call.id == next(e for e in page.told if e["type"] == "answer")["call_id"]
    await page.phone.close()


async def test_a_closed_socket_ends_no_call_and_whoever_comes_back_missed_nothing(
    browser: Browser, desk: Worker
) -> None:
    page = await knock(browser)
    await page.call()
    await page.until("transcript", who="agent")
    await page.socket.close()
    await asyncio.sleep(0.3)
    room = desk.rooms.get(ROOM)
    assert room is not None and not room.over

    again = await knock(browser)
    said = await again.until("transcript", who="agent", heard="Hello there.")
    newest = await knock(browser, query=f"?since={said['seq']}")
    assert await again.closed() == 1000, "the newest one steers"
    await newest.say(type="hang_up")
    await newest.until("agent_state", state="ended")
    assert all(each["seq"] > said["seq"] for each in newest.told)
    late = await knock(browser)
    await late.until("agent_state", state="ended")  # told to whoever comes too late
    await page.phone.close()


async def test_a_second_offer_is_negotiated_anew(browser: Browser, desk: Worker) -> None:
    page = await knock(browser)
    await page.call()
    await page.until("agent_state", state="speaking")
    reloaded = await knock(browser)
    await reloaded.call()
    before = len(reloaded.phone.arrivals)
    await asyncio.sleep(0.3)
    assert len(reloaded.phone.arrivals) - before >= 10, "the new connection carries the audio"
    assert desk.rooms.taken == 1
    await reloaded.say(type="hang_up")
    await reloaded.until("agent_state", state="ended")
    await page.phone.close()
    await reloaded.phone.close()


async def test_one_line_too_many_is_told_so(browser: Browser) -> None:
    first, second = await knock(browser), await knock(browser, "another-room-0002")
    await first.call()
    await second.say(type="offer", sdp=await second.phone.offer(), number="1000")
    refused = await second.until("error")
    assert refused["code"] == "busy" and refused["retry_after_s"] > 0
    await first.say(type="hang_up")
    await first.until("agent_state", state="ended")
    sdp = str(second.phone.pc.localDescription.sdp)
    await second.say(type="offer", sdp=sdp, number="1000")
    await second.until("answer")  # the same socket may try again
    await second.say(type="hang_up")
    for each in (first, second):
        await each.phone.close()


async def test_who_is_not_there_cannot_be_called(browser: Browser, desk: Worker) -> None:
    page = await knock(browser)
    sdp = await page.phone.offer()
    for wanted in ({"number": "9999"}, {"persona": "nobody"}):
        await page.say(type="offer", sdp=sdp, **wanted)
        assert (await page.until("error"))["code"] == "not_found"
    await page.say(type="offer", sdp="v=0", number="1000")
    assert (await page.until("error"))["code"] == "bad_offer"
    assert desk.rooms.taken == 0
    await page.phone.close()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("", "JSON"), ("[]", "object"), ('{"type": "offer"}', "sdp"), ('{"type": "dance"}', "type"),
        ('{"type": "digit", "digit": "55"}', "digit"), ('{"v": 2, "type": "hang_up"}', "v"),
        ('{"type": "hang_up", "now": true}', "now"), ("[" * 20_000, ""),
    ],
)  # fmt: skip
async def test_what_is_no_message_is_refused_in_words(
    browser: Browser, sent: str, told: str
) -> None:
    page = await knock(browser)
    await page.socket.send_str(sent)
    refused = await page.until("error")
    assert refused["code"] == "bad_message" and told in refused["text"]
    assert "xyzzy" not in refused["text"]


async def test_words_for_a_room_without_a_call(browser: Browser) -> None:
    page = await knock(browser)
    await page.say(type="digit", digit="5")
    assert (await page.until("error"))["code"] == "no_call"


async def test_who_sends_nonsense_only_is_sent_away(browser: Browser) -> None:
    page = await knock(browser)
    for _ in range(30):
        await page.socket.send_str("xyzzy")
    assert await page.closed() == 1008


async def test_a_reserved_room_waits_for_its_offer_and_no_longer(
    browser: Browser, desk: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "RESERVED_S", 0.1)
    desk.rooms.reserve("1000", "", ROOM)
    assert desk.rooms.free == 0
    await asyncio.sleep(0.2)
    assert desk.rooms.free == 1
    room = desk.rooms.get(ROOM)
    assert room is not None and room.narrator.reason == "nobody came"


async def test_a_worker_that_stops_takes_no_call(browser: Browser, house: House) -> None:
    await house.manager.drain("shutdown", 0.1)
    page = await knock(browser)
    await page.say(type="offer", sdp=await page.phone.offer(), number="1000")
    assert (await page.until("error"))["code"] == "busy"
    await page.phone.close()


def test_every_refusal_of_a_leg_has_its_code() -> None:
    from bot.legs.webrtc import LegRefused
    from bot.web.signaling import refusal

    codes = {reason: refusal(LegRefused(reason)).code for reason in HangUp}
    assert codes == {
        HangUp.NORMAL: "failed", HangUp.BUSY: "busy", HangUp.NOT_FOUND: "not_found",
        HangUp.DECLINED: "forbidden", HangUp.UNAVAILABLE: "busy", HangUp.FAILED: "failed",
    }  # fmt: skip
