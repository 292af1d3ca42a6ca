"""Nonsense at the browser's door, and a good call after it.

schemathesis makes requests out of the API's own description; ten thousand signalling messages are
good ones that were damaged. The seeds are fixed: what fails once fails again.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import requests
import schemathesis
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from aiortc import RTCPeerConnection, RTCSessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from pydantic import TypeAdapter
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.web.messages import ToBrowser
from tests.support.web_process import WebProcess, web_worker

TO_BROWSER: TypeAdapter[ToBrowser] = TypeAdapter(ToBrowser)
CHECKS = [
    content_type_conformance, response_headers_conformance, response_schema_conformance,
    status_code_conformance,
]  # fmt: skip
EXAMPLES = 60
DONE = b"done"
MESSAGES = 10_000
EACH = 25  # messages a socket is sent; after 20 bad ones it is closed
SOCKETS_AT_ONCE = 8
CLOSED = {1000, 1003, 1006, 1007, 1008, 1009, None}  # None: it was open to the end
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
GOOD: list[dict[str, Any]] = [
    {"v": 1, "type": "offer", "sdp": SDP, "number": "1000"},
    {"type": "offer", "sdp": SDP, "persona": "clinic"},
    {"v": 1, "type": "ice-candidate", "candidate": None},
    {"type": "ice-candidate", "candidate": {
        "candidate": "candidate:1 1 udp 2113937151 127.0.0.1 5000 typ host", "sdpMid": "0",
        "sdpMLineIndex": 0, "usernameFragment": "abcd"}},
    {"v": 1, "type": "digit", "digit": "5"},
    {"v": 1, "type": "hang_up"},
]  # fmt: skip
NUMBERS = ("", "0", "-1", "65536", "99999999999999999999", "x", "1.5")
VALUES: list[Any] = [
    None, True, -1, 0, 1e308, 10**30, "", " ", "0", "\x00", "\ud800", "é" * 40, "a" * 2000, [], {},
    [[[]]], {"type": "offer"}, "' OR 1=1 --", "../../etc/passwd", "<script>", "offer", "candidate:",
]  # fmt: skip


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    limits = {"calls_per_minute": 10_000, "requests_per_minute": 100_000}
    with web_worker(tmp_path_factory.mktemp("bot"), max_calls_per_worker=20, **limits) as worker:
        yield worker


@pytest.fixture(scope="module")
def described(bot: WebProcess) -> Any:
    return schemathesis.openapi.from_url(f"{bot.url}/api/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_requests_of_any_kind_are_answered_as_described(
    described: Any, bot: WebProcess, mode: GenerationMode
) -> None:
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def is_answered(case: Any) -> None:
            nonlocal tried
            tried += 1
            answered_as_described(case, bot)

        with suppress(Unsatisfiable):  # nothing can be wrong about an operation without parameters
            is_answered()
    assert tried > 3 * EXAMPLES


def answered_as_described(case: Any, bot: WebProcess) -> None:
    response = case.call(timeout=10)
    case.validate_response(response, checks=CHECKS)
    assert response.status_code < 500 or response.status_code == 503, response.text
    if response.status_code == 201:  # a line is wanted for the next one
        gone = requests.delete(f"{bot.url}/api/calls/{response.json()['id']}", timeout=10)
        assert gone.status_code == 204


@pytest.mark.parametrize("path", ["/api/calls", "/api/webrtc/offer"])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400), (b"null", {}, 400), (b"[]", {}, 400), (b'{"number": 1000}', {}, 400),
        (b"[" * 100_000, {}, 400), (b'{"a":' * 50_000, {}, 400), (b'"\xff\xfe"', {}, 400),
        (b'{"id": [[[[]]]], "sdp": "x"}', {}, 400), (b"{}" * 600_000, {}, 413),
        (b'{"sdp": 1}', {"Content-Type": "application/json; charset=nonsense"}, 400),
        (b'{"sdp": 1}', {"Content-Type": "text/html; charset=\xff"}, 400),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400),
        (b'{"sdp": "\\ud800"}', {}, 400), (b'{"number": "\\u0000", "sdp": "x"}', {}, 400),
    ],
)  # fmt: skip
def test_bodies_that_are_no_requests(
    bot: WebProcess, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    how = {"Content-Type": "application/json"} | headers
    response = requests.post(f"{bot.url}{path}", data=body, headers=how, timeout=10)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] in ("bad_message", "bad_offer") and len(error["text"]) < 300


async def test_ten_thousand_damaged_messages_and_a_good_call_after_them(bot: WebProcess) -> None:
    sent = refused = visits = 0
    async with ClientSession() as session, caller() as browser:
        await browser.setLocalDescription(await browser.createOffer())
        sdp = browser.localDescription.sdp
        while sent < MESSAGES:
            counts = await asyncio.gather(
                *(
                    visit(session, bot.url, visits + n, sdp, calls=n == 0)
                    for n in range(SOCKETS_AT_ONCE)
                )
            )
            visits += SOCKETS_AT_ONCE
            sent += sum(each for each, _ in counts)
            refused += sum(errors for _, errors in counts)
            assert bot.lives
        assert refused > MESSAGES / 2  # each is looked at, until its socket is closed
        async with session.get(f"{bot.url}/healthz") as response:
            assert response.status == 200
        await a_good_call(session, bot.url)
    told = bot.log.read_text()
    assert "Traceback" not in told and "Error handling request" not in told, told[-3000:]
    assert "passwd" not in told and "OR 1=1" not in told


async def visit(
    session: ClientSession, url: str, number: int, sdp: str, *, calls: bool
) -> tuple[int, int]:
    """A socket that sends nonsense, in a call or without one; how many messages, how many errors
    came back."""
    chance = random.Random(number)
    room = f"fuzz-{number:04}"
    wire = url.replace("http", "ws", 1)
    async with session.ws_connect(
        f"{wire}/ws/signaling/{room}", max_msg_size=0, autoping=False
    ) as ws:
        reading = asyncio.ensure_future(read(ws))
        sent = 0
        with suppress(ConnectionError):
            if calls:
                await ws.send_json({"type": "offer", "sdp": sdp})
            while sent < EACH and not ws.closed:
                await send_nonsense(ws, chance, sdp)
                sent += 1
            await ws.ping(DONE)
        errors = await reading
        assert ws.close_code in CLOSED
    async with session.delete(f"{url}/api/calls/{room}") as response:
        assert response.status == 204 if calls else response.status in (204, 404)
    return sent, errors


async def read(ws: ClientWebSocketResponse) -> int:
    """Until all that was sent has been read, or the socket is closed; how many errors there were.
    All that comes is of the protocol, and no error quotes what was sent."""
    errors = 0
    async for message in ws:
        if message.type is WSMsgType.PONG and message.data == DONE:
            break
        if message.type is WSMsgType.PING:
            await ws.pong(message.data)
            continue
        told = TO_BROWSER.validate_json(message.data)
        if told.type == "error":
            errors += 1
            assert not [each for each in ("passwd", "script", "OR 1=1") if each in told.text]
    return errors


async def send_nonsense(ws: ClientWebSocketResponse, chance: random.Random, sdp: str) -> None:
    kind = chance.random()
    if kind < 0.02:
        await ws.send_bytes(chance.randbytes(chance.choice((0, 1, 200))))
    elif kind < 0.03:
        await ws.send_frame(b'{"type": "\xff\xfe"}', WSMsgType.TEXT)
    elif kind < 0.04:
        await ws.send_str("[" * chance.choice((100, 5000, 30_000)))
    elif kind < 0.045:
        await ws.send_str(
            json.dumps({"type": "offer", "sdp": "x" * chance.choice((49_000, 70_000))})
        )
    elif kind < 0.06:
        await ws.send_str('{"a":' * 9000 + "1" + "}" * 9000)
    elif kind < 0.1:
        await ws.send_json({"type": "offer", "sdp": damaged_sdp(chance, sdp)})
    else:
        await ws.send_str(damaged(chance))


def damaged_sdp(chance: random.Random, sdp: str) -> str:
    """A browser's offer with a line that is gone, doubled, moved, or says something else."""
    lines = sdp.splitlines()
    for _ in range(chance.choice((1, 1, 3))):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(chance.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = re.sub(r"\d+", lambda _: chance.choice(NUMBERS), lines[at], count=2)
            case 3:
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
    return "\r\n".join(lines) + chance.choice(("", "\r\n", "\x00"))


def damaged(chance: random.Random) -> str:
    """A good message with one or two things wrong, in its fields or in its letters."""
    message = json.loads(json.dumps(chance.choice(GOOD)))
    place = message
    if isinstance(message.get("candidate"), dict) and chance.random() < 0.5:
        place = message["candidate"]
    key = chance.choice([*place, "extra"])
    match chance.randrange(4):
        case 0:
            place[key] = chance.choice(VALUES)
        case 1:
            place.pop(key, None)
        case 2:
            place[key] = chance.choice(list(place.values()))
    text = json.dumps(message)
    if chance.random() < 0.4:
        at = chance.randrange(len(text))
        end = at + chance.choice((0, 1, 5))
        text = text[:at] + chance.choice(("", "\x00", '"', "{", "\\", "\u2028")) + text[end:]
    if "hang_up" in text and chance.random() < 0.5:
        text = text.replace("hang_up", "hang up")
    return text


async def a_good_call(session: ClientSession, url: str) -> None:
    """An offer in one shot is answered, and the greeting is said."""
    async with caller() as browser:
        await browser.setLocalDescription(await browser.createOffer())
        offer = {"type": "offer", "sdp": browser.localDescription.sdp}
        async with session.post(f"{url}/api/webrtc/offer", json=offer) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        await browser.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        async with (
            asyncio.timeout(15),
            session.get(f"{url}/api/calls/{answer['id']}/events") as said,
        ):
            async for line in said.content:
                if re.search(rb'"heard": ?"Hello\."', line):
                    break
        async with session.delete(f"{url}/api/calls/{answer['id']}") as response:
            assert response.status == 204


@asynccontextmanager
async def caller() -> AsyncIterator[RTCPeerConnection]:
    browser = RTCPeerConnection()
    browser.addTransceiver("audio", direction="sendrecv")
    try:
        yield browser
    finally:
        await browser.close()
