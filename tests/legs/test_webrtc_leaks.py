"""After a browser's call nothing of it is left, and no garbage collector is needed for that."""

import asyncio
import contextlib
import gc
import multiprocessing
import threading
import weakref

import psutil

from bot.legs.webrtc import WebRtcEndpoint, WebRtcSettings
from tests.support.webrtc_phone import IceServers, PhoneConnection, WebRtcPhone

CALLS = 20
MAX_GROWTH_KB = 50  # a call


@contextlib.contextmanager
def without_collector():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def remains(leg) -> dict[str, weakref.ref]:
    """What must be gone: the leg, its paths and what aiortc has of the one in use."""
    paths = leg._paths
    peer = paths._now
    (transceiver,) = peer._connection.getTransceivers()
    dtls = transceiver.receiver.transport
    parts = {
        "leg": leg,
        "paths": paths,
        "peer": peer,
        "connection": peer._connection,
        "track": peer._track,
        "inbound": peer.inbound,
        "sender": transceiver.sender,
        "receiver": transceiver.receiver,
        "dtls": dtls,
        "ice": dtls.transport,
        "sockets": dtls.transport._connection,
    }
    return {name: weakref.ref(part) for name, part in parts.items()}


async def called(endpoint, phone) -> dict[str, weakref.ref]:
    """A call with a change of connection; only weak references come back."""
    leg = await phone.dial(endpoint)
    await leg.answer()
    await phone.answered()

    async def echo() -> None:
        async for frame in leg.frames():
            leg.write(frame)

    echoing = asyncio.ensure_future(echo())
    await asyncio.sleep(0.2)
    watched = remains(leg)
    await phone.reconnect()
    watched |= {f"second {name}": ref for name, ref in remains(leg).items()}
    await leg.hang_up()
    await echoing
    phone.leg = None
    return watched


async def test_an_ended_call_is_gone_at_once():
    process = psutil.Process()
    endpoint = WebRtcEndpoint(WebRtcSettings())
    await endpoint.start()
    phones = [WebRtcPhone() for _ in range(3)]
    before = (threading.active_count(), process.num_fds())
    with without_collector():
        for phone in phones:
            watched = await called(endpoint, phone)
            await phone.close()
            phone._answer = None
            await asyncio.sleep(0.05)
            assert [name for name, ref in watched.items() if ref() is not None] == []
    await endpoint.close()
    assert endpoint.calls == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "decoder" in name]
    assert process.num_fds() <= before[1]


# ---- memory of the process: the phone is in another one


class _Nobody:
    def __init__(self) -> None:
        self.received: list = []
        self.sent: list = []

    def gone(self, line) -> None:
        """The bot hung up."""


def _phone(pipe) -> None:
    async def calls() -> None:
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, pipe.recv) == "call":
            line = PhoneConnection(_Nobody(), IceServers(), relay_only=False)
            pipe.send(await line.offer())
            await line.take(await loop.run_in_executor(None, pipe.recv))
            await line.connected.wait()
            for _ in range(3):
                line.microphone.put(bytes(1920))
                await asyncio.sleep(0.02)
            pipe.send("talked")
            await loop.run_in_executor(None, pipe.recv)
            await line.close()

    asyncio.run(calls())


async def _one(endpoint, pipe) -> None:
    loop = asyncio.get_running_loop()
    pipe.send("call")
    offer = await loop.run_in_executor(None, pipe.recv)
    leg = endpoint.offered(offer, leg_id="room", called="1")
    await leg.answer()

    async def echo() -> None:
        async for frame in leg.frames():
            leg.write(frame)

    echoing = asyncio.ensure_future(echo())
    pipe.send(await leg.negotiated())
    await loop.run_in_executor(None, pipe.recv)
    await leg.hang_up()
    await echoing
    pipe.send("over")


async def test_memory_does_not_grow_with_the_number_of_calls():
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    phone = context.Process(target=_phone, args=(there,), daemon=True)
    phone.start()
    endpoint = WebRtcEndpoint(WebRtcSettings())
    await endpoint.start()
    try:
        for _ in range(8):
            await _one(endpoint, here)
        gc.collect()
        memory = psutil.Process().memory_info
        before = memory().rss
        for _ in range(CALLS):
            await _one(endpoint, here)
        grown_kb = (memory().rss - before) / 1024 / CALLS
    finally:
        here.send("enough")
        await endpoint.close()
        phone.join(10)
    print(f"{grown_kb:.1f} kB a call")
    assert grown_kb <= MAX_GROWTH_KB
