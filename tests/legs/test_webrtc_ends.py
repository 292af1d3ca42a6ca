"""Browser legs that end in every way there is: a hundred of them, and nothing is left."""

import asyncio
import threading
import time
import weakref

import pytest

from bot.errors import LegError
from bot.legs.base import HangUp
from bot.legs.webrtc import WebRtcEndpoint
from tests.legs.test_webrtc_leaks import without_collector
from tests.legs.test_webrtc_sdp import offered
from tests.support.browser_call import house, talk, udp_sockets, until
from tests.support.webrtc_phone import WebRtcPhone

EACH = 10  # calls in each way
SHORT_S = 0.3


async def refused(leg, phone) -> None:
    await leg.hang_up(HangUp.BUSY)
    with pytest.raises(LegError):
        await phone.answered()


async def cancelled(leg, phone) -> None:
    leg.leave()


async def never_connected(leg, phone) -> None:
    await leg.answer()
    await until(lambda: leg.ended)


async def cancelled_while_it_connects(leg, phone) -> None:
    await leg.answer()
    leg.leave()


async def hung_up_while_it_is_answered(leg, phone) -> None:
    answering = asyncio.ensure_future(leg.answer())
    await asyncio.sleep(0)
    await leg.hang_up()
    (error,) = await asyncio.gather(answering, return_exceptions=True)  # raised, it would hold us
    assert isinstance(error, LegError)


async def up(leg, phone) -> asyncio.Task:
    await leg.answer()
    await phone.answered()
    reading = asyncio.ensure_future(talk(leg, []))
    await asyncio.sleep(0.06)
    return reading


async def hung_up_by_us(leg, phone) -> None:
    reading = await up(leg, phone)
    await leg.hang_up()
    await reading


async def hung_up_by_the_caller(leg, phone) -> None:
    reading = await up(leg, phone)
    await phone.hang_up()
    await reading


async def connection_closed(leg, phone) -> None:
    reading = await up(leg, phone)
    await phone.vanish()
    await reading


async def machine_died(leg, phone) -> None:
    reading = await up(leg, phone)
    (transceiver,) = phone.line.pc.getTransceivers()
    for protocol in transceiver.sender.transport.transport._connection._protocols:
        protocol.transport.abort()
    await reading


async def reoffered_and_hung_up(leg, phone) -> None:
    reading = await up(leg, phone)
    await leg.renegotiate(await offered("audio"))
    await leg.hang_up()
    await reading


WAYS = {
    refused: "bot", cancelled: "cancelled", never_connected: "failed: connection lost",
    cancelled_while_it_connects: "caller", hung_up_while_it_is_answered: "bot",
    hung_up_by_us: "bot", hung_up_by_the_caller: "caller",
    connection_closed: "failed: connection lost", machine_died: "failed: connection lost",
    reoffered_and_hung_up: "bot",
}  # fmt: skip


def threads() -> set[str]:
    """But for the loop's own, of which there are a few at most: the phone encodes in them."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if not name.startswith("asyncio_")}


async def ended(endpoint: WebRtcEndpoint, way) -> weakref.ref:
    """One call that ended so; only a weak reference to its leg comes back."""
    phone = WebRtcPhone()
    leg = await phone.dial(endpoint)
    await way(leg, phone)
    assert leg.ended == WAYS[way], way.__name__
    phone.leg = None
    await phone.close()
    await asyncio.gather(phone._answer, return_exceptions=True)
    phone._answer = None
    return weakref.ref(leg)


async def test_a_hundred_calls_that_end_in_every_way_leave_nothing():
    loop, complaints = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    async with house(max_calls=EACH * len(WAYS), quiet_s=SHORT_S, reconnect_s=SHORT_S) as endpoint:
        await asyncio.gather(*(ended(endpoint, way) for way in WAYS))  # what is made once
        await asyncio.sleep(0.3)
        before = (udp_sockets(), threads())
        began = time.monotonic()
        with without_collector():
            legs = []
            for way in WAYS:
                ten = (ended(endpoint, way) for _ in range(EACH))
                legs += [(way, leg) for leg in await asyncio.gather(*ten)]
            assert len(legs) == EACH * len(WAYS)
            assert endpoint.calls == 0
            await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, 3)
            assert {way.__name__ for way, leg in legs if leg() is not None} == set()
        print(f"{len(legs)} calls in {time.monotonic() - began:.1f} s")
        assert udp_sockets() <= before[0]
        assert threads() == before[1]
    assert complaints == []
