"""SRTP by keys in the SDP: who is answered, and what is to be seen on the wire."""

import asyncio
import contextlib
import re
from typing import Any

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.legs.sip import SipLeg, TrunkLogin
from bot.legs.sip_srtp import unusable
from bot.trunk_settings import Trunk
from tests.support.g711 import PCMU
from tests.support.rtp_wire import parsed
from tests.support.sip_desk import Desk
from tests.support.sip_wire import WirePhone
from tests.support.srtp_wire import SecureRtp

TONE_HZ = 1000
LOUD_DB = -16.0


def tone(rate_hz: int, seconds: float) -> Any:
    wave = np.sin(2 * np.pi * TONE_HZ * np.arange(round(rate_hz * seconds)) / rate_hz)
    return (wave * 8000).astype(np.int16)


def with_key(sdp: str, profile: str, suite: str = "AES_CM_128_HMAC_SHA1_80") -> str:
    line = f"a=crypto:1 {suite} inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\na=send"
    return sdp.replace("RTP/AVP", profile).replace("a=send", line)


def by_dtls(sdp: str) -> str:
    print_ = "a=setup:actpass\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32)
    sdp = re.sub("RTP/S?AVPF?", "UDP/TLS/RTP/SAVP", sdp)
    return sdp.replace("a=send", f"{print_}\r\na=send")


OFFERS = {
    "plain": lambda sdp: sdp,
    "secure": lambda sdp: with_key(sdp, "RTP/SAVP"),
    "secure with feedback": lambda sdp: with_key(sdp, "RTP/SAVPF"),
    "plain with a key": lambda sdp: with_key(sdp, "RTP/AVP"),
    "secure without a key": lambda sdp: sdp.replace("RTP/AVP", "RTP/SAVP"),
    "no suite of ours": lambda sdp: with_key(sdp, "RTP/SAVP", "F8_128_HMAC_SHA1_80"),
    "keys by DTLS": by_dtls,
}
ANSWERED = {
    "off": {"plain", "plain with a key"},
    "optional": {"plain", "plain with a key", "secure", "secure with feedback"},
    "mandatory": {"secure", "secure with feedback"},
}


async def answer_all(desk: Desk) -> None:
    while True:
        await (await desk.rung.get()).answer()


@pytest.mark.parametrize("mode", ANSWERED)
async def test_what_does_not_fit_is_not_acceptable_and_nothing_rings(mode):
    async with Desk(srtp=mode) as desk, WirePhone(desk.address) as phone:
        clerk = asyncio.ensure_future(answer_all(desk))
        for name, sdp in OFFERS.items():
            call = await phone.dial("1000", sdp=sdp)
            assert call.status == (200 if name in ANSWERED[mode] else 488), name
            assert call.status == 200 or 180 not in call.provisional, name
            if call.status == 200:
                secure = "RTP/SAVP" in sdp("RTP/AVP")
                assert ("RTP/SAVP" in call.final_response.body) == secure, name
                refused = await call.reinvite(by_dtls)
                assert refused.status == 488, "in mid-call it is refused as well"
                await call.hang_up()
        clerk.cancel()


async def test_a_trunk_has_a_rule_of_its_own_also_one_that_does_not_register():
    carrier = Trunk(name="carrier", servers=["127.0.0.2"], register=False, srtp="mandatory")
    how = {"bind": "127.0.0.1:0", "allow": ["127.0.0.0/8"], "trunks": [TrunkLogin(carrier)]}
    async with (
        Desk(**how) as desk,
        WirePhone(desk.address, "127.0.0.2") as trunk,
        WirePhone(desk.address) as house,
    ):
        clerk = asyncio.ensure_future(answer_all(desk))
        for phone, name, status in (
            (trunk, "plain", 488), (trunk, "secure", 200), (house, "plain", 200),
            (house, "secure", 488),
        ):  # fmt: skip
            call = await phone.dial("1000", sdp=OFFERS[name])
            assert call.status == status, (phone.host, name)
            await call.hang_up()
        clerk.cancel()


async def talk(leg: SipLeg, seconds: float) -> Any:
    """Say a tone for so long; what was heard meanwhile."""
    sound = tone(BUS_HZ, 1.0)
    heard = []
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for frame in ticks:
            at = len(heard) * FRAME_SAMPLES % BUS_HZ
            leg.write(sound[at : at + FRAME_SAMPLES])
            heard.append(frame)
            if len(heard) * 0.02 > seconds:
                break
    return np.concatenate(heard)


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"])
async def test_audio_is_encrypted_on_the_wire_and_understood_at_both_ends(suite):
    async with (
        Desk(srtp="mandatory") as desk,
        WirePhone(desk.address) as phone,
        SecureRtp(suite) as rtp,
    ):
        dialling = asyncio.ensure_future(phone.dial("1000", sdp=rtp.offer))
        leg = await desk.next()
        await leg.answer()
        rtp.begin(await dialling)
        heard, _ = await asyncio.gather(talk(leg, 1.0), rtp.say(tone(8000, 1.0)))
        assert level_db(heard[BUS_HZ // 2 :]) > LOUD_DB
        assert level_db(rtp.audio()[4000:]) > LOUD_DB
        assert rtp.forged == 0 and len(rtp.heard) > 40
        tag = 10 if suite.endswith("80") else 4
        bodies = [p.payload for p in (parsed(0, each) for each in rtp.raw) if p]
        assert {len(body) for body in bodies} == {160 + tag}
        assert tonality(rtp.audio()[-4000:]) > 0.9
        seen = np.concatenate([PCMU.decode(body[:160]) for body in bodies])
        assert tonality(seen[-4000:]) < 0.1, "who listens on the wire hears noise"


def tonality(pcm: Any) -> float:
    """Share of the power that is at the tone."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at = round(TONE_HZ * len(pcm) / 8000)
    return float(power[at - 3 : at + 4].sum() / power.sum())


async def test_what_is_not_encrypted_is_not_heard():
    async with (
        Desk(srtp="mandatory") as desk,
        WirePhone(desk.address) as phone,
        SecureRtp() as rtp,
    ):
        dialling = asyncio.ensure_future(phone.dial("1000", sdp=rtp.offer))
        leg = await desk.next()
        await leg.answer()
        call = await dialling
        call.rtp.say(tone(8000, 0.6))  # to the port of the call, without a key
        assert level_db(await talk(leg, 0.6)) < -60


async def test_the_bot_itself_calls_with_srtp():
    async with Desk(srtp="mandatory") as desk:
        phone, bot = await desk.talk_to_itself()
        _, heard = await asyncio.gather(talk(phone, 1.0), talk(bot, 1.0))
        assert level_db(heard[BUS_HZ // 2 :]) > LOUD_DB


def test_only_profiles_without_a_key_of_ours_are_written_over():
    sdp = (
        b"v=0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
        b"m=video 4002 RTP/SAVP 97\r\na=crypto:1 AEAD_AES_256_GCM inline:x\r\n"
        b"m=audio 4004 UDP/TLS/RTP/SAVPF 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
        b"m=audio 4006 RTP/AVP 0\r\n"
    )
    assert [sdp[begin:end] for begin, end in unusable(sdp)] == [b"RTP/SAVP", b"UDP/TLS/RTP/SAVPF"]
    assert unusable(sdp)[0][0] == sdp.index(b"video 4002 ") + len(b"video 4002 ")
    assert unusable(b"") == unusable(b"m=audio") == []
