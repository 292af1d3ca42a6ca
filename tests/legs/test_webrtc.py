"""The browser's leg over real sockets: how fast it is there, and what it survives."""

import asyncio
import socket
import time

import pytest
from aioice.ice import StunProtocol, get_host_addresses
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription

from bot.errors import LegError, StartError
from bot.legs import webrtc_peer
from bot.legs.base import Digit, HangUp, MediaChanged
from bot.legs.webrtc import (
    AllLinesBusy,
    IceServers,
    LegRefused,
    WebRtcEndpoint,
    WebRtcSettings,
)
from tests.support.browser_call import call, house, talk, until
from tests.support.webrtc_phone import Microphone, WebRtcPhone


def dead_port() -> tuple[socket.socket, int]:
    """A port that swallows everything."""
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 0))
    return deaf, deaf.getsockname()[1]


# ---- the door


async def test_what_is_told_of_a_caller():
    async with house() as endpoint:
        phone = WebRtcPhone(caller="carol")
        sdp = await phone.line.offer()
        leg = endpoint.offered(
            sdp, leg_id="room", called="1000", caller="carol", caller_name="Carol"
        )
        assert (leg.info.kind, leg.info.leg_id, leg.info.codec) == ("webrtc", "room", "")
        assert (leg.info.caller, leg.info.called, leg.info.caller_name) == (
            "carol",
            "1000",
            "Carol",
        )
        assert endpoint.calls == 1
        await leg.answer()
        await leg.answer()  # once is enough
        assert leg.events() == [MediaChanged("opus", 48_000)]
        assert (leg.info.codec, leg.info.codec_hz) == ("opus", 48_000)
        await leg.hang_up()
        assert endpoint.calls == 0
        await phone.close()


async def test_no_more_calls_than_there_are_lines():
    async with house(max_calls=2) as endpoint:
        phone = WebRtcPhone()
        sdp = await phone.line.offer()
        legs = [endpoint.offered(sdp, leg_id=str(n), called="1") for n in range(2)]
        with pytest.raises(AllLinesBusy):
            endpoint.offered(sdp, leg_id="3", called="1")
        legs[0].leave()
        again = endpoint.offered(sdp, leg_id="4", called="1")
        assert endpoint.calls == 2
        assert (legs[0].ended, again.ended) == ("cancelled", None)
        with pytest.raises(LegError):
            endpoint.offered("rubbish", leg_id="5", called="1")
        await phone.close()


@pytest.mark.parametrize(
    "reason", [HangUp.BUSY, HangUp.NOT_FOUND, HangUp.DECLINED, HangUp.UNAVAILABLE]
)
async def test_a_refusal_says_why(reason):
    async with house() as endpoint:
        phone = WebRtcPhone()
        leg = await phone.dial(endpoint)
        await leg.hang_up(reason)
        with pytest.raises(LegRefused) as refused:
            await leg.negotiated()
        assert refused.value.reason is reason
        await phone.close()


async def test_a_server_that_is_none_stops_the_start():
    for ice in (IceServers(stun="example.com"), IceServers(turn="stun:x"), IceServers(stun="x:y")):
        with pytest.raises(StartError, match="webrtc"):
            await WebRtcEndpoint(WebRtcSettings(ice=ice)).start()
    assert "hush" not in repr(IceServers(turn_password="hush"))


async def test_closing_hangs_up_on_everybody():
    async with house() as endpoint:
        phones = [WebRtcPhone() for _ in range(3)]
        legs = [await phone.dial(endpoint) for phone in phones]
        for phone, leg in zip(phones[:2], legs, strict=False):
            await leg.answer()
            await phone.answered()
            await until(lambda: leg._paths._up)  # noqa: B023
        began = time.monotonic()
        await endpoint.close()
        assert time.monotonic() - began < 1.5
        assert {leg.ended for leg in legs} == {"bot"}
        await until(lambda: [phone.ended for phone in phones[:2]] == ["caller"] * 2)
        for phone in phones:
            await phone.close()


# ---- how fast it is there


async def connected_in(phone, endpoint, change=lambda sdp: sdp) -> tuple[float, float, object]:
    """Seconds to our answer and to the connection."""
    sdp = change(await phone.line.offer())
    began = time.monotonic()
    leg = endpoint.offered(sdp, leg_id="room", called="1000")
    phone.leg = leg
    leg.on_candidate = phone._trickled
    await leg.answer()
    answer = await leg.negotiated()
    answered = time.monotonic() - began
    await phone.line.take(answer)
    await asyncio.wait_for(phone.line.connected.wait(), 5)
    return answered, time.monotonic() - began, leg


async def test_no_server_is_asked_unless_one_is_named(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "gethostbyname", lambda name: asked.append(name) or "127.0.0.1")
    written, write = set(), StunProtocol.send_stun

    def noted(protocol, message, address) -> None:
        written.add(address[0].split("%")[0])
        write(protocol, message, address)

    monkeypatch.setattr(StunProtocol, "send_stun", noted)
    async with house() as endpoint:
        phone = WebRtcPhone()
        answered, connected, _ = await connected_in(phone, endpoint)
        assert asked == [] and phone.candidates == []
        assert written <= set(get_host_addresses(use_ipv4=True, use_ipv6=True)) and written
        assert answered < 0.2 and connected < 1.0
        await phone.close()


async def test_a_dead_stun_server_delays_nothing():
    deaf, port = dead_port()
    async with house(ice=IceServers(stun=f"stun:127.0.0.1:{port}")) as endpoint:
        phone = WebRtcPhone()
        answered, connected, leg = await connected_in(phone, endpoint)
        print(f"answered {answered * 1000:.0f} ms, connected {connected * 1000:.0f} ms")
        assert answered < 0.2 and connected < 1.0
        began = time.monotonic()
        await leg.hang_up()
        assert time.monotonic() - began < 1.2
        await phone.close()
    deaf.close()


async def test_names_that_nobody_resolves_delay_nothing():
    def hide(sdp: str) -> str:
        lines = [line for line in sdp.splitlines() if "end-of-candidates" not in line]
        for at, line in enumerate(lines):
            if line.startswith("a=candidate"):
                words = line.split()
                words[4] = "0b7c8ed2-0000-4000-8000-1e57c0ffee00.local"
                lines[at] = " ".join(words)
        return "\r\n".join(lines) + "\r\n"

    async with house() as endpoint:
        phone = WebRtcPhone()
        answered, connected, leg = await connected_in(phone, endpoint, hide)
        print(f"answered {answered * 1000:.0f} ms, connected {connected * 1000:.0f} ms")
        assert answered < 0.2 and connected < 0.7
        await leg.add_candidate(
            "candidate:1 1 udp 2113937151 nobody-knows-this.local 50000 typ host", "0", 0
        )
        await phone.close()


async def test_names_that_come_later_and_nobody_resolves_delay_nothing():
    """An offer without addresses, then names of a network that is not ours: its checks find us."""

    def strip(sdp: str) -> str:
        return "".join(x for x in sdp.splitlines(keepends=True) if "candidate" not in x)

    async with house() as endpoint:
        phone = WebRtcPhone()
        leg = endpoint.offered(strip(await phone.line.offer()), leg_id="room", called="1000")
        began = time.monotonic()
        await leg.answer()
        for number in range(4):
            name = f"0b7c8ed2-0000-4000-8000-1e57c0ffee0{number}.local"
            await leg.add_candidate(f"candidate:1 1 udp 2113937151 {name} 50000 typ host", "0", 0)
        await leg.add_candidate(None, None, None)
        assert time.monotonic() - began < 0.2
        await phone.line.take(await leg.negotiated())
        await asyncio.wait_for(phone.line.connected.wait(), 5)
        print(f"connected {(time.monotonic() - began) * 1000:.0f} ms")
        assert time.monotonic() - began < 0.7
        await leg.hang_up()
        await phone.close()


async def test_a_browser_whose_addresses_come_later():
    """As browsers do it: the offer has none, they are trickled, then none more."""
    async with house() as endpoint:
        phone = WebRtcPhone()
        found = []

        def strip(sdp: str) -> str:
            lines = sdp.splitlines(keepends=True)
            found.extend(line.strip() for line in lines if line.startswith("a=candidate"))
            return "".join(x for x in lines if "candidate" not in x)

        leg = endpoint.offered(strip(await phone.line.offer()), leg_id="room", called="1000")
        await leg.add_candidate(found[0], "0", 0)  # before the answer
        await leg.answer()
        for text in found[1:]:
            await leg.add_candidate(text.removeprefix("a="), None, 0)
        await leg.add_candidate(None, None, None)
        with pytest.raises(LegError):
            await leg.add_candidate("candidate:rubbish", "0", 0)
        await phone.line.take(await leg.negotiated())
        await asyncio.wait_for(phone.line.connected.wait(), 5)
        await phone.close()


# ---- frames


async def test_frames_come_from_the_connection_on_for_a_greeting_before_it_is_lost():
    async with house() as endpoint:
        phone = WebRtcPhone()
        leg = await phone.dial(endpoint)
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard))
        await asyncio.sleep(0.05)
        assert heard == []
        await leg.answer()
        await asyncio.sleep(0.1)
        assert heard == []
        await phone.answered(5)
        await until(lambda: len(heard) >= 25)
        span = heard[-1][1] - heard[0][1]
        assert span == pytest.approx((len(heard) - 1) * 0.02, abs=0.03)
        leg.leave()
        await asyncio.wait_for(reading, 1)
        assert leg.ended == "caller"
        await phone.close()


# ---- keys, and callers who mean no good


async def test_keys_both_ways():
    async with call() as (_, phone, leg):
        leg.press("5")
        assert leg.events() == [Digit("5", "web")]
        await leg.send_digits("12")
        assert [event.digit for event in phone.events() if isinstance(event, Digit)] == ["1", "2"]


async def test_tracks_nobody_asked_for_pile_up_nowhere():
    """Video and a second microphone are answered inactive; this sender sends all the same."""
    async with house() as endpoint:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for track in (Microphone(), Microphone()):
            pc.addTransceiver(track)
        pc.addTransceiver("video")
        await pc.setLocalDescription(await pc.createOffer())
        leg = endpoint.offered(pc.localDescription.sdp, leg_id="room", called="1")
        await leg.answer()
        answer = await leg.negotiated()
        sections = SessionDescription.parse(answer).media
        assert [each.direction for each in sections] == ["sendrecv", "inactive", "inactive"]
        await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: pc.connectionState == "connected")
        reading = asyncio.ensure_future(talk(leg, []))
        dtls = pc.getTransceivers()[0].sender.transport
        second = bytes([0x80, 96]) + bytes(6) + b"\0\0\0\x02" + bytes(60)
        video = bytes([0x80, 97]) + bytes(6) + b"\0\0\0\x03" + bytes(900)
        for number in range(3000):
            count = number.to_bytes(2, "big")
            await dtls._send_rtp(second[:2] + count + second[4:])
            await dtls._send_rtp(video[:2] + count + video[4:])
            if not number % 100:
                await asyncio.sleep(0.01)
        inside = leg._paths._now._connection
        (only,) = inside.getTransceivers()
        receiver = only.receiver
        assert receiver._RTCRtpReceiver__decoder_queue.qsize() == 0
        assert receiver.track._queue.qsize() == 0
        assert len(leg._paths._now.inbound.jitter._waiting) <= 50
        assert only.receiver.transport.transport._connection._queue.qsize() < 200
        reading.cancel()
        await pc.close()


async def test_sources_without_number_are_forgotten():
    async with call() as (_, phone, leg):
        reading = asyncio.ensure_future(talk(leg, []))
        (transceiver,) = leg._paths._now._connection.getTransceivers()
        receiver, router = transceiver.receiver, transceiver.receiver.transport._rtp_router
        dtls = phone.line.pc.getTransceivers()[0].sender.transport
        kind = next(iter(receiver._RTCRtpReceiver__codecs))
        for number in range(500):
            source = (1_000_000 + number).to_bytes(4, "big")
            await dtls._send_rtp(bytes([0x80, kind]) + bytes(6) + source + b"\xf8\xff\xfe")
            if not number % 50:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert len(router.ssrc_table) <= 17
        assert len(receiver._RTCRtpReceiver__remote_streams) <= 17
        assert leg.ended is None
        reading.cancel()


async def test_an_aiortc_that_does_not_fit_is_named_at_the_start(monkeypatch):
    monkeypatch.setattr(webrtc_peer, "JITTER_BUFFER", "_RTCRtpReceiver__gone")
    with pytest.raises(StartError, match="aiortc"):
        await WebRtcEndpoint(WebRtcSettings()).start()


async def test_a_call_in_which_nothing_goes_wrong_loses_nothing():
    """Of its start too: what cannot be heard yet is not counted as lost."""
    async with call() as (_, phone, leg):
        heard, at_phone = [], []
        reading = asyncio.ensure_future(talk(leg, heard, hz=600))
        saying = asyncio.ensure_future(talk(phone, at_phone, hz=1000))
        await until(lambda: len(heard) > 75)
        stats = leg.stats
        print(stats)
        assert stats.frames_lost <= 3 and stats.rtp_lost == 0
        assert stats.frames_dropped == 0 and stats.underruns <= 2
        assert len(leg._box.inbound) <= 1
        saying.cancel()
        reading.cancel()
