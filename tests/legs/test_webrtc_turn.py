"""Browsers that only reach us through a TURN server, and we them: a real coturn on loopback."""

import asyncio
import contextlib
import time

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES
from bot.legs.webrtc import IceServers, WebRtcEndpoint, WebRtcSettings
from tests.support.browser_call import until
from tests.support.turnserver import turn_server
from tests.support.webrtc_phone import WebRtcPhone


async def hears(listener, talker, hz: float, count: int = 50) -> float:
    """`talker` says a tone; the loudest frequency in what `listener` heard last."""
    heard: list[np.ndarray] = []

    async def say() -> None:
        number = 0
        async for _ in talker.frames():
            number += 1
            at = np.arange(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES) / BUS_HZ
            talker.write(np.rint(8000 * np.sin(2 * np.pi * hz * at)).astype(np.int16))

    saying = asyncio.ensure_future(say())
    async with contextlib.aclosing(listener.frames()) as frames:
        async for frame in frames:
            heard.append(frame)
            if len(heard) == count:
                break
    saying.cancel()
    run = np.concatenate(heard[-30:]).astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(run * np.hanning(len(run))))) * BUS_HZ / len(run))


def carried_by(leg) -> tuple[str, str]:
    """Kinds of the two addresses in use, ours first."""
    (transceiver,) = leg._paths._now._connection.getTransceivers()
    ice = transceiver.receiver.transport.transport._connection
    pair = ice._nominated[1]
    return pair.local_candidate.type, pair.remote_candidate.type


async def test_a_browser_behind_a_relay_is_heard_and_hears(tmp_path):
    async with turn_server(tmp_path) as ice:
        endpoint = WebRtcEndpoint(WebRtcSettings(ice=ice))
        await endpoint.start()
        phone = WebRtcPhone(ice=ice, relay_only=True)
        leg = await phone.dial(endpoint)
        began = time.monotonic()
        await leg.answer()
        assert time.monotonic() - began < 0.2
        # Our host address and the browser's relay may do; then ours is not asked for any more.
        await until(lambda: any(" typ relay " in (text or "") for text in phone.candidates))
        await phone.answered()
        assert abs(await hears(leg, phone, 1000) - 1000) < 3
        assert abs(await hears(phone, leg, 600) - 600) < 3
        assert phone.candidates[-1] is None
        assert carried_by(leg)[1] in ("relay", "prflx")
        await leg.hang_up()
        await phone.close()
        await endpoint.close()


async def test_our_own_relay_carries_a_call_when_nothing_else_can(tmp_path):
    """The browser is told of our relay alone, and talks from one of its own."""
    async with turn_server(tmp_path) as ice:
        endpoint = WebRtcEndpoint(WebRtcSettings(ice=ice))
        await endpoint.start()
        phone = WebRtcPhone(ice=ice, relay_only=True)
        offer = await phone.line.offer()
        leg = endpoint.offered(offer, leg_id="room", called="1")
        leg.on_candidate = phone._trickled
        await leg.answer()
        answer = await leg.negotiated()
        (transceiver,) = leg._paths._now._connection.getTransceivers()
        inside = transceiver.receiver.transport.transport._connection
        for protocol in list(inside._protocols):  # as if a firewall let nothing else out
            if protocol.local_candidate.type == "host":
                inside._protocols.remove(protocol)
                await protocol.close()
        inside._check_list.clear()
        lines = [line for line in answer.splitlines() if "a=candidate" not in line]
        bare = "\r\n".join(line for line in lines if "end-of-candidates" not in line) + "\r\n"
        await phone.line.take(bare)
        await asyncio.wait_for(phone.line.connected.wait(), 10)
        assert carried_by(leg)[0] == "relay"
        await leg.hang_up()
        await phone.close()
        await endpoint.close()


async def test_a_wrong_password_costs_the_relay_and_not_the_call(tmp_path):
    async with turn_server(tmp_path) as ice:
        wrong = IceServers(turn=ice.turn, turn_username=ice.turn_username, turn_password="no")
        endpoint = WebRtcEndpoint(WebRtcSettings(ice=wrong))
        await endpoint.start()
        phone = WebRtcPhone()
        leg = await phone.dial(endpoint)
        await leg.answer()
        await phone.answered(3)
        await leg.hang_up()
        await phone.close()
        await endpoint.close()


async def test_a_relay_that_dies_does_not_hold_up_the_hang_up(tmp_path):
    async with turn_server(tmp_path) as ice:
        endpoint = WebRtcEndpoint(WebRtcSettings(ice=ice))
        await endpoint.start()
        phone = WebRtcPhone(ice=ice, relay_only=True)
        leg = await phone.dial(endpoint)
        await leg.answer()
        await phone.answered()
    began = time.monotonic()
    await leg.hang_up()
    assert time.monotonic() - began < 1.2
    assert leg.ended == "bot"
    await endpoint.close()
    assert time.monotonic() - began < 3.5
    aside = asyncio.ensure_future(phone.close())  # aiortc alone waits a minute
    await asyncio.wait([aside], timeout=0.1)
    aside.cancel()
