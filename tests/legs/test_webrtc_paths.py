"""One leg over several network paths: further offers, changes of network, lost connections."""

import asyncio
import time

import numpy as np
import pytest

from bot.errors import LegError
from bot.legs.base import Hold, MediaChanged
from tests.legs.test_webrtc_sdp import offered
from tests.support.browser_call import call, house, loudest_hz, talk, tone, udp_sockets, until
from tests.support.webrtc_phone import WebRtcPhone

# ---- a further offer


async def test_a_second_offer_of_the_same_connection_changes_nothing_else():
    async with call() as (_, phone, leg):
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard, hz=600))
        said = asyncio.ensure_future(talk(phone, [], hz=1000))
        await until(lambda: len(heard) > 25)
        first = leg._paths._now
        answer = await phone.reoffer()
        assert leg._paths._now is first
        assert "a=sendrecv" in answer
        mark = len(heard)
        await until(lambda: len(heard) > mark + 35)
        assert loudest_hz(heard[mark:]) == pytest.approx(1000, abs=2)
        assert leg.events() == []
        said.cancel()
        reading.cancel()


async def test_a_new_connection_takes_over_without_a_break():
    async with call() as (_, phone, leg):
        heard, at_phone, up = [], [], []
        leg.on_connection = up.append
        reading = asyncio.ensure_future(talk(leg, heard, hz=600))
        said = asyncio.ensure_future(talk(phone, at_phone, hz=1000))
        await until(lambda: len(heard) > 25)
        first = leg._paths._now
        await phone.reconnect()
        assert leg._paths._now is not first
        mark = len(heard)
        await until(lambda: len(heard) > mark + 50 and len(at_phone) > 70)
        gaps = np.diff([at for _, at in heard])
        assert max(gaps) < 0.06
        assert leg.events() == [] and up == []
        assert loudest_hz(heard[mark + 15 :]) == pytest.approx(1000, abs=2)
        assert loudest_hz(at_phone[-30:]) == pytest.approx(600, abs=3)
        assert leg.stats.rtp_lost <= 2
        assert len({packet.ssrc for packet in phone.received}) == 2
        said.cancel()
        reading.cancel()


async def test_a_bad_further_offer_leaves_the_call_alone():
    async with call() as (_, _, leg):
        for wrong in ("rubbish", ""):
            with pytest.raises(LegError):
                await leg.renegotiate(wrong)
        assert leg.ended is None
        other = WebRtcPhone()
        await leg.renegotiate(await other.line.offer())  # and then nothing comes of it
        await other.close()
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard))
        await until(lambda: len(heard) > 20)
        assert leg._paths._up
        reading.cancel()
    with pytest.raises(LegError):
        await leg.renegotiate("rubbish")


async def test_a_hundred_quick_offers_leave_one_path_waiting_and_the_call_as_it_was():
    offers = [await offered("audio") for _ in range(100)]
    async with call(reconnect_s=0.6) as (_, phone, leg):
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard))
        saying = asyncio.ensure_future(talk(phone, [], hz=1000))
        await until(lambda: len(heard) > 10)
        sockets, tasks, path = udp_sockets(), len(asyncio.all_tasks()), leg._paths._now
        for sdp in offers[:50]:
            await leg.renegotiate(sdp)
        await asyncio.gather(*(leg.renegotiate(sdp) for sdp in offers[50:]))
        mark = len(heard)
        await until(lambda: not leg._paths._closing)
        assert leg._paths._now is path
        await until(lambda: udp_sockets() == sockets and len(asyncio.all_tasks()) == tasks)
        assert len(heard) > mark + 15  # the last offer's path was waited for, and then freed
        assert max(np.diff([at for _, at in heard])) < 0.1
        assert loudest_hz(heard[-25:]) == pytest.approx(1000, abs=3)
        assert leg.events() == []
        saying.cancel()
        reading.cancel()


async def test_the_old_connection_may_die_before_the_new_one_is_up():
    async with call() as (_, phone, leg):
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard))
        await until(lambda: len(heard) > 10)
        again = WebRtcPhone()
        answer = await leg.renegotiate(await again.line.offer())
        await phone.vanish()
        events: list = []
        await until(lambda: events.extend(leg.events()) or events)
        await again.line.take(answer)
        await until(lambda: events.extend(leg.events()) or len(events) > 1)
        assert events == [Hold(True), Hold(False)]
        mark = len(heard)
        for number in range(32):
            again.line.microphone.put(tone(number, 1000).tobytes())
            await asyncio.sleep(0.02)
        assert loudest_hz(heard[mark + 15 :]) == pytest.approx(1000, abs=5)
        assert max(np.diff([at for _, at in heard])) < 0.06
        reading.cancel()
        await again.close()


# ---- lost connections


async def test_a_lost_connection_is_a_hold_until_the_browser_is_back():
    async with call(reconnect_s=5.0) as (_, phone, leg):
        heard, up = [], []
        leg.on_connection = up.append
        reading = asyncio.ensure_future(talk(leg, heard))
        await until(lambda: len(heard) > 10)
        await phone.vanish()
        events: list = []
        await until(lambda: events.extend(leg.events()) or events)
        assert events == [Hold(True)] and up == [False]
        mark = len(heard)
        await until(lambda: len(heard) > mark + 20)
        assert leg.ended is None
        again = WebRtcPhone()
        await again.line.take(await leg.renegotiate(await again.line.offer()))
        await until(lambda: events.extend(leg.events()) or len(events) > 1)
        assert events == [Hold(True), Hold(False)] and up == [False, True]
        assert max(np.diff([at for _, at in heard])) < 0.06
        await leg.hang_up()
        await asyncio.wait_for(reading, 1)
        await again.close()


async def test_a_browser_that_never_comes_back_has_ended_the_call():
    async with call(reconnect_s=0.4) as (endpoint, phone, leg):
        began = time.monotonic()
        reading = asyncio.ensure_future(talk(leg, []))
        await phone.vanish()
        await asyncio.wait_for(reading, 3)
        assert 0.35 < time.monotonic() - began < 1.5
        assert leg.ended == "failed: connection lost"
        assert Hold(True) in leg.events()
        assert endpoint.calls == 0


async def test_a_browser_that_never_connects_ends_the_same_way():
    async with house(reconnect_s=0.4) as endpoint:
        phone = WebRtcPhone()
        leg = await phone.dial(endpoint)
        await leg.answer()
        heard: list = []
        await asyncio.wait_for(talk(leg, heard), 3)
        assert heard == [] and leg.ended == "failed: connection lost"
        assert leg.events() == [MediaChanged("opus", 48_000)]
        await phone.close()


async def test_a_browser_that_falls_silent_is_on_hold():
    """Its cable is out: no goodbye, nothing comes. When it is back, the same path goes on."""
    async with call(quiet_s=0.3) as (_, phone, leg):
        reading = asyncio.ensure_future(talk(leg, []))
        (transceiver,) = phone.line.pc.getTransceivers()
        dtls = transceiver.sender.transport
        send = dtls._send_rtp

        async def nothing(data):
            return None

        dtls._send_rtp = nothing
        events: list = []
        await until(lambda: events.extend(leg.events()) or events)
        assert events == [Hold(True)]
        dtls._send_rtp = send
        await until(lambda: events.extend(leg.events()) or len(events) > 1)
        assert events == [Hold(True), Hold(False)]
        reading.cancel()


async def killed(phone: WebRtcPhone) -> None:
    """Its machine is off: no goodbye, and nobody answers."""
    (transceiver,) = phone.line.pc.getTransceivers()
    for protocol in transceiver.sender.transport.transport._connection._protocols:
        protocol.transport.abort()


async def test_a_browser_whose_machine_dies_comes_back_with_another():
    async with call(quiet_s=0.3) as (_, phone, leg):
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard))
        await until(lambda: len(heard) > 10)
        began = time.monotonic()
        await killed(phone)
        events: list = []
        await until(lambda: events.extend(leg.events()) or events, 2)
        assert events == [Hold(True)]
        assert 0.25 < time.monotonic() - began < 0.6
        again = WebRtcPhone()
        await again.line.take(await leg.renegotiate(await again.line.offer()))
        await until(lambda: events.extend(leg.events()) or len(events) > 1, 2)
        assert events == [Hold(True), Hold(False)]
        mark = len(heard)
        for number in range(32):
            again.line.microphone.put(tone(number, 1000).tobytes())
            await asyncio.sleep(0.02)
        assert loudest_hz(heard[mark + 15 :]) == pytest.approx(1000, abs=5)
        reading.cancel()
        await again.close()


async def test_a_browser_whose_machine_dies_for_good_ends_the_call():
    async with call(quiet_s=0.3, reconnect_s=0.3) as (endpoint, phone, leg):
        reading = asyncio.ensure_future(talk(leg, []))
        await killed(phone)
        await asyncio.wait_for(reading, 2)
        assert leg.ended == "failed: connection lost"
        assert endpoint.calls == 0


async def test_a_browser_that_comes_back_late_gets_time_to_connect():
    async with call(reconnect_s=0.6) as (_, phone, leg):
        reading = asyncio.ensure_future(talk(leg, []))
        await phone.vanish()
        await asyncio.sleep(0.45)
        again = WebRtcPhone()
        answer = await leg.renegotiate(await again.line.offer())
        await asyncio.sleep(0.3)  # a slow way to the page
        assert leg.ended is None
        await again.line.take(answer)
        await until(lambda: Hold(False) in leg.events())
        await leg.hang_up()
        await reading
        await again.close()


async def test_a_path_that_never_comes_up_is_freed():
    async with call(reconnect_s=0.3) as (_, _, leg):
        reading = asyncio.ensure_future(talk(leg, []))
        other = WebRtcPhone()
        await leg.renegotiate(await other.line.offer())
        assert leg._paths._next is not None
        await until(lambda: leg._paths._next is None)
        await asyncio.sleep(0.2)
        assert leg.ended is None and leg._paths._up
        reading.cancel()
        await other.close()
