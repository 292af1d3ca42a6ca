"""Keys in every way a telephone sends them, each once; and ours in the way it takes them."""

import asyncio
import contextlib
import re
from typing import Any

import numpy as np
import pytest

from bot.audio.dtmf import key_tones
from bot.audio.frame import level_db, silence
from bot.legs.base import Digit
from bot.legs.sip import SipLeg
from bot.legs.sip_info import key_of
from bot.legs.sip_keys import SAME_PRESS_S, Keypad
from tests.support.phone import spoken
from tests.support.rtp_wire import EVENT_TYPE
from tests.support.sip_desk import Desk
from tests.support.sip_wire import WireCall, WirePhone

ALL = "123A456B789C*0#D"


def no_events(sdp: str) -> str:
    """An offer without telephone-event."""
    sdp = re.sub(rf"a=(rtpmap|fmtp):{EVENT_TYPE}.*\r\n", "", sdp)
    return sdp.replace(f" {EVENT_TYPE}\r\n", "\r\n")


class Party:
    """An answered call; `keys` and the level of each frame are kept."""

    def __init__(self, call: WireCall, leg: SipLeg) -> None:
        self.call, self.leg = call, leg
        self.keys: list[Digit] = []
        self.levels: list[float] = []
        self._task = asyncio.ensure_future(self._carry())

    async def _carry(self) -> None:
        async with contextlib.aclosing(self.leg.frames()) as ticks:
            async for frame in ticks:
                self.leg.write(silence())
                self.levels.append(level_db(frame))
                self.keys += [each for each in self.leg.events() if isinstance(each, Digit)]

    async def info(self, kind: str, body: str) -> int:
        self.call.cseq += 1
        request = self.call._request("INFO")
        if kind:
            request.headers.append(("content-type", kind))
        request.body = body
        answer = await self.call._transact(request, 3)
        self.call.phone.send(request)  # as if the answer had been lost
        return answer.status

    async def until(self, count: int) -> str:
        async with asyncio.timeout(5):
            while len(self.keys) < count:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)  # no more than that
        return "".join(each.digit for each in self.keys)


async def up(desk: Desk, phone: WirePhone, **how: Any) -> Party:
    dialling = asyncio.ensure_future(phone.dial("1000", **how))
    leg = await desk.next()
    await leg.answer()
    return Party(await dialling, leg)


async def test_tones_are_keys_where_there_are_no_events_and_are_not_heard_as_sound():
    async with Desk() as desk, WirePhone(desk.address) as phone:
        plain, modern = await up(desk, phone, sdp=no_events), await up(desk, phone)
        for party in (plain, modern):
            party.call.rtp.say(key_tones(ALL, 8000))
        assert await plain.until(len(ALL)) == ALL
        assert {each.method for each in plain.keys} == {"inband"}
        loud = sum(level > -30 for level in plain.levels)
        assert loud <= 2 * len(ALL), "the first moment of each, within two frames"
        assert modern.keys == [], "events were agreed on: a tone is a sound"
        assert sum(level > -30 for level in modern.levels) > 60
        await plain.call.rtp.drained.wait()
        plain.keys.clear()
        plain.levels.clear()
        plain.call.rtp.say(spoken("I would like to book a table for four people on Friday."))
        await plain.call.rtp.drained.wait()
        assert sum(level > -40 for level in plain.levels) > 50 and plain.keys == []


async def test_info_of_both_kinds_is_a_key_and_another_kind_is_refused():
    async with Desk() as desk, WirePhone(desk.address) as phone:
        party = await up(desk, phone)
        assert await party.info("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n") == 200
        assert await party.info("application/dtmf", "7") == 200
        assert await party.info("Application/DTMF; x=y", "#\r\n") == 200
        assert await party.info("application/dtmf-relay", "Signal= 10\r\nDuration= 90") == 200
        assert await party.info("application/dtmf-relay", "Signal=x\r\n") == 400
        assert await party.info("text/plain", "5") == 415
        assert await party.info("", "") == 200
        assert await party.until(4) == "57#*"
        assert {each.method for each in party.keys} == {"info"}
        party.call.to = party.call.to.replace("tag=", "tag=x")
        assert await party.info("application/dtmf", "9") == 481, "a stranger's"
        assert await party.until(4) == "57#*"


async def test_keys_of_ours_are_events_or_tones():
    async with Desk() as desk, WirePhone(desk.address) as phone:
        plain, modern = await up(desk, phone, sdp=no_events), await up(desk, phone)
        await asyncio.sleep(0.1)
        for party in (plain, modern):
            await party.leg.send_digits("4#")
        await asyncio.sleep(0.8)
        events = [p for p in modern.call.rtp.received if p.payload_type == EVENT_TYPE]
        assert [p.payload[0] for p in events if p.payload[1] & 0x80][::3] == [4, 11]
        assert {p.payload_type for p in plain.call.rtp.received} == {0}
        sound = plain.call.rtp.heard().astype(np.float64)
        loud = np.flatnonzero(np.abs(sound) > 1000)
        begins = loud[np.flatnonzero(np.diff(loud, prepend=-8000) > 400)]  # 50 ms of nothing
        assert len(begins) == 2
        for at, pair in zip(begins, ((770, 1209), (941, 1477)), strict=True):
            power = np.abs(np.fft.rfft(sound[at + 80 : at + 720] * np.hanning(640), 8000)) ** 2
            found = (int(power[:1050].argmax()), int(power[1050:].argmax()) + 1050)
            assert np.allclose(found, pair, atol=4)


async def test_who_sends_events_and_tones_presses_each_key_once():
    async with Desk(dtmf_inband="on") as desk, WirePhone(desk.address) as phone:
        party = await up(desk, phone)
        for key in "11":
            party.call.rtp.say(key_tones(key, 8000))
            party.call.rtp.press(key)
        await party.call.rtp.drained.wait()
        await party.until(1)
        assert [each.digit for each in party.keys] == ["1", "1"]


def test_two_signs_of_one_press_are_one_key():
    pad = Keypad("on")
    assert pad.pressed("1", "inband")
    assert not pad.pressed("1", "rfc4733")
    assert pad.pressed("2", "rfc4733")
    assert not pad.pressed("2", "info")
    assert pad.pressed("2", "rfc4733"), "pressed again"
    for _ in range(round(SAME_PRESS_S / 0.02) + 1):
        pad.listen(None)
    assert pad.pressed("2", "info"), "much later"


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_when_tones_are_listened_for(mode):
    def hears(pad: Keypad) -> bool:
        sound = key_tones("5", 16_000).tobytes()
        found = [pad.listen(sound[at : at + 640])[0] for at in range(0, len(sound), 640)]
        return any(found)

    pad = Keypad(mode)
    assert hears(pad) == (mode == "on")
    pad.agreed(events=False)
    assert hears(pad) == (mode != "off")
    pad.pressed("5", "info")
    assert hears(pad) == (mode == "on"), "auto: there is a better way now"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("5", "5"), (" * \r\n", "*"), ("d", "D"), ("Signal=5\r\nDuration=1", "5"), ("11", "#"),
        ("signal = 10", "*"), ("Duration=5", ""), ("16", ""), ("", ""), ("55", ""), ("x", ""),
    ],
)  # fmt: skip
def test_a_body_tells_one_key_or_none(body, key):
    assert key_of(body) == key
