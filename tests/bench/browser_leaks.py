"""200 calls begun and dropped in every way: what is left of them in the worker.

The web worker's parts run in a process of their own; the callers are another one, so that only
the worker's tasks, sockets, tracks and memory are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import tempfile
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import psutil
from aiohttp import web
from aiortc import MediaStreamTrack

from bot.legs.webrtc import IceServers, WebRtcEndpoint, WebRtcSettings
from bot.web import rooms as rooms_module
from bot.web.api import Api
from bot.web.app import make_app
from bot.web.lines import Lines
from bot.web.rooms import Room, Rooms
from bot.web.signaling import Signaling
from tests.bench.house import BenchHouse
from tests.support.web_phone import WebPhone, over_http

CALLS, WARM_UP = 200, 40
SHORT_S = 0.5  # what the bot waits for elsewhere in seconds or minutes
AT_ONCE = 4
SETTLE_S = 6.0
COUNTED = ("tasks", "sockets", "tracks", "threads", "rooms")


def measure(
    calls: int = CALLS, warm_up: int = WARM_UP, settle_s: float = SETTLE_S
) -> dict[str, float]:
    """What is COUNTED more than before the first call, kB a call after the warm-up."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(target=_worker, args=(there,), daemon=True)
    worker.start()
    try:
        return asyncio.run(_measure(here, calls, warm_up, settle_s))
    finally:
        here.send("stop")
        worker.join(20)


async def _measure(
    worker: Connection, calls: int, warm_up: int, settle_s: float
) -> dict[str, float]:
    base = f"http://127.0.0.1:{worker.recv()}"
    await _drop(base, warm_up)
    before = await _counted(worker, settle_s)
    await _drop(base, calls)
    after = await _counted(worker, settle_s)
    return {
        **{key: after[key] - before[key] for key in COUNTED},
        "kb_per_call": round((after["rss"] - before["rss"]) / 1024 / calls, 1),
        "calls": calls,
    }


async def _counted(worker: Connection, settle_s: float) -> dict[str, int]:
    await asyncio.sleep(settle_s)
    worker.send("count")
    while not worker.poll():
        await asyncio.sleep(0.05)
    told: dict[str, int] = worker.recv()
    return told


# ---- the callers


async def _drop(base: str, calls: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    ways = list(WAYS)

    async def one(number: int) -> None:
        async with gate, aiohttp.ClientSession() as session:
            await ways[number % len(ways)](base, session)

    await asyncio.gather(*(one(number) for number in range(calls)))


async def _phone(base: str, session: aiohttp.ClientSession, number: str = "1000") -> WebPhone:
    phone = await over_http(base, number=number, session=session)
    with contextlib.suppress(Exception):
        await phone.answered(5)
    return phone


async def hung_up(base: str, session: aiohttp.ClientSession) -> None:
    phone = await _phone(base, session)
    await asyncio.sleep(0.3)
    await phone.hang_up()


async def vanished(base: str, session: aiohttp.ClientSession) -> None:
    phone = await _phone(base, session)
    await asyncio.sleep(0.2)
    phone.on_hang_up = None
    await phone.close()
    await asyncio.sleep(SHORT_S * 2)


async def never_there(base: str, session: aiohttp.ClientSession) -> None:
    phone = WebPhone(_nobody)
    wanted = {"number": "1000", "sdp": await phone.offer()}
    async with session.post(f"{base}/api/calls", json=wanted):
        pass
    await phone.close()
    await asyncio.sleep(SHORT_S * 2)


async def gave_up_ringing(base: str, session: aiohttp.ClientSession) -> None:
    phone = WebPhone(_nobody)
    async with session.ws_connect(f"{base}/ws/signaling/ringing-{id(phone)}") as socket:
        await socket.send_json({"type": "offer", "sdp": await phone.offer(), "number": "1003"})
        await asyncio.sleep(0.1)
        await socket.send_json({"type": "hang_up"})
        await asyncio.sleep(0.1)
    await phone.close()


async def gave_up_posting(base: str, session: aiohttp.ClientSession) -> None:
    phone = WebPhone(_nobody)
    wanted = {"number": "1003", "sdp": await phone.offer()}
    with contextlib.suppress(TimeoutError):
        await session.post(
            f"{base}/api/calls", json=wanted, timeout=aiohttp.ClientTimeout(total=0.1)
        )
    await phone.close()


async def bad_offer(base: str, session: aiohttp.ClientSession) -> None:
    for wanted in ({"number": "1000", "sdp": "v=0"}, {"number": "9999"}):
        async with session.post(f"{base}/api/calls", json=wanted):
            pass


async def reserved(base: str, session: aiohttp.ClientSession) -> None:
    async with session.post(f"{base}/api/calls", json={"persona": "bench"}):
        pass


async def followed(base: str, session: aiohttp.ClientSession) -> None:
    wanted = {"number": "1000"}
    async with session.post(f"{base}/api/calls", json=wanted) as answer:
        path = (await answer.json()).get("events")
    if path:
        async with session.get(f"{base}{path}"):
            await asyncio.sleep(0.1)  # and gone


async def moved(base: str, session: aiohttp.ClientSession) -> None:
    first, second = WebPhone(_nobody), WebPhone(_nobody)
    room = f"moved-{id(first)}"
    async with session.ws_connect(f"{base}/ws/signaling/{room}") as socket:
        for phone in (first, second):
            await socket.send_json({"type": "offer", "sdp": await phone.offer(), "number": "1000"})
            while (message := await socket.receive_json(timeout=5))["type"] not in (
                "answer",
                "error",
            ):
                pass
            if message["type"] == "answer":
                await phone.take_answer(message["sdp"])
                await phone.answered(5)
        await socket.send_json({"type": "hang_up"})
        await asyncio.sleep(0.1)
    await first.close()
    await second.close()


async def _nobody(phone: WebPhone, offer: str) -> str:
    raise AssertionError("nobody signals for this phone")


Way = Callable[[str, aiohttp.ClientSession], Awaitable[None]]
WAYS: tuple[Way, ...] = (
    hung_up, vanished, never_there, gave_up_ringing, gave_up_posting,
    bad_offer, reserved, followed, moved,
)  # fmt: skip


# ---- the worker


def _worker(pipe: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(pipe, Path(folder)))


async def _serve(pipe: Connection, folder: Path) -> None:
    rooms_module.KEPT_S = rooms_module.RESERVED_S = SHORT_S
    house = BenchHouse(folder)
    await house.warm_up()
    endpoint = WebRtcEndpoint(WebRtcSettings(max_calls=50, reconnect_s=SHORT_S))
    await endpoint.start()
    rooms = Rooms(endpoint, house.manager, 50)
    rooms.ready = True
    api = Api(rooms, house.library, IceServers())
    lines = Lines(rooms, api, Signaling(rooms, house.library))
    runner = web.AppRunner(make_app(house.config, house.library, None, lines), access_log=None)
    await runner.setup()
    await lines.start()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pipe.send(runner.addresses[0][1])
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, pipe.recv) == "count":
        pipe.send(_count())
    await house.manager.drain("bench over", 1.0)
    await lines.close()
    await endpoint.close()
    await runner.cleanup()
    house.close()


def _count() -> dict[str, int]:
    gc.collect()
    me = psutil.Process()
    return {
        "tasks": len(asyncio.all_tasks()),
        "sockets": len(me.net_connections("inet")),
        "tracks": sum(isinstance(each, MediaStreamTrack) for each in gc.get_objects()),
        "threads": me.num_threads(),
        "rooms": sum(isinstance(each, Room) for each in gc.get_objects()),
        "rss": me.memory_info().rss,
    }
