"""Packets are as long as the caller asks for, and heard whatever their length is."""

import asyncio
import contextlib
import itertools

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.legs.sip import SipLeg
from bot.legs.sip_ptime import packet_ms
from tests.support.rtp_wire import level_db as packet_db
from tests.support.rtp_wire import lost
from tests.support.sip_desk import Desk
from tests.support.sip_wire import WireCall, WirePhone

LOUD_DB = -16.0
TONE_HZ = 1000


def tone(rate_hz: int) -> np.ndarray:
    """A second of it."""
    return (np.sin(2 * np.pi * TONE_HZ * np.arange(rate_hz) / rate_hz) * 8000).astype(np.int16)


async def talk(leg: SipLeg, frames: int) -> np.ndarray:
    """Say a tone for so many frames; what was heard meanwhile, shape (frames, samples)."""
    sound, heard = tone(BUS_HZ), []
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for frame in ticks:
            at = len(heard) * FRAME_SAMPLES % BUS_HZ
            leg.write(sound[at : at + FRAME_SAMPLES])
            heard.append(frame)
            if len(heard) == frames:
                break
    return np.stack(heard)


def assert_sent(call: WireCall, ms: int, since: float = 0.0) -> None:
    packets = [packet for packet in call.rtp.audio_in if packet.at >= since]
    assert {len(packet.payload) for packet in packets} == {ms * 8}
    steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)}
    assert steps == {ms * 8} and lost(packets) == 0
    loud = [packet_db(call.rtp.codec.decode(each.payload)) > LOUD_DB for each in packets]
    spoken = loud[loud.index(True) : len(loud) - loud[::-1].index(True)]
    assert len(spoken) * ms > 400 and spoken.count(False) * ms <= 60


async def test_four_calls_at_once_have_packets_of_four_lengths():
    lengths = (10, 30, 40, 60)
    async with Desk() as desk, WirePhone(desk.address) as phone:
        ringing = [await phone.ring("1000", packet_ms=ms) for ms in lengths]
        legs = [await desk.next() for _ in lengths]
        for leg in legs[::-1]:
            await leg.answer()
        for call in ringing:
            await call.final()
            call.rtp.say(tone(8000))
        heard = await asyncio.gather(*(talk(leg, 60) for leg in legs))
        for call, ms, sound in zip(ringing, lengths, heard, strict=True):
            assert_sent(call, ms)
            loud = [level_db(frame) > LOUD_DB for frame in sound]
            assert sum(loud) >= 46, f"{ms} ms: {sum(loud)} of 50 frames were heard"
        # in mid-call one changes its mind
        changed = await ringing[0].reinvite(lambda sdp: sdp.replace("ptime:20", "ptime:60"))
        assert changed.status == 200
        await talk(legs[0], 5)
        since = ringing[0].rtp.received[-1].at + 0.001
        await talk(legs[0], 30)
        assert_sent(ringing[0], 60, since)
        assert_sent(ringing[1], 30)


@pytest.mark.parametrize(
    ("lines", "ms"),
    [
        ("a=ptime:20", 20),
        ("a=ptime:30", 30),
        ("", 20),
        ("a=maxptime:10", 10),
        ("a=ptime:40\r\na=maxptime:30", 30),
        ("a=ptime:25", 20),
        ("a=ptime:5", 10),
        ("a=ptime:200", 60),
        ("a=ptime:0", 10),
        ("a=ptime:x", 20),
        ("a=sendrecv\r\nm=video 4002 RTP/AVP 97\r\na=ptime:60", 20),
    ],
)
def test_the_length_asked_for_is_read_of_the_audio_alone(lines, ms):
    sdp = f"v=0\r\nm=audio 4000 RTP/AVP 0\r\n{lines}\r\n".encode()
    assert packet_ms(sdp) == ms
    assert packet_ms(b"v=0\r\nm=video 4000 RTP/AVP 0\r\na=ptime:60\r\n") == 20
    assert packet_ms(b"") == 20
