"""What every leg promises, asked of a loopback pair, of SIP legs and of browser legs.

The SIP endpoint dials its own address: one process holds both parties of the call, and INVITE,
RTP and BYE still cross the kernel. The browser is an aiortc phone; its signalling is method calls.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db, silence
from bot.errors import LegError
from bot.legs.base import Digit, HangUp, MediaChanged
from bot.legs.loopback import loopback
from bot.legs.sip import SipEndpoint, SipSettings
from bot.legs.webrtc import WebRtcEndpoint, WebRtcSettings
from tests.support.ticks import caught_up
from tests.support.webrtc_phone import WebRtcPhone

DOORS = ("loopback", "sip", "webrtc")


@dataclass
class Line:
    phone: Any  # the leg that dialled
    bot: Any  # the leg that rings

    async def connect(self) -> None:
        await self.bot.answer()
        await self.phone.answered(5)


@pytest.fixture(params=DOORS)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "loopback":
        phone, bot = loopback(caller="alice", called="1000")
        yield Line(phone, bot)
        return
    if request.param == "webrtc":
        async with browser_line() as connected:
            yield connected
        return
    rung: asyncio.Queue[Any] = asyncio.Queue()
    endpoint = SipEndpoint(SipSettings("127.0.0.1:0", rtp_port=21_000), rung.put_nowait)
    await endpoint.start()
    try:
        phone = await endpoint.dial(f"sip:1000@127.0.0.1:{endpoint.port}", caller="alice")
        yield Line(phone, await asyncio.wait_for(rung.get(), 5))
    finally:
        await endpoint.close()


@contextlib.asynccontextmanager
async def browser_line() -> AsyncIterator[Line]:
    endpoint = WebRtcEndpoint(WebRtcSettings())
    await endpoint.start()
    caller = WebRtcPhone(caller="alice")
    try:
        yield Line(caller, await caller.dial(endpoint, "1000"))
    finally:
        await caller.close()
        await endpoint.close()


def sine(hz: float, index: int, peak: float = 8_000.0) -> np.ndarray:
    at = np.arange(index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES) / BUS_HZ
    return np.rint(peak * np.sin(2 * np.pi * hz * at)).astype(np.int16)


async def talk(leg: Any, count: int, hz: float = 0.0) -> list[np.ndarray]:
    """Read `count` frames (fewer if the leg ends), answering each with a frame of a tone."""
    heard: list[np.ndarray] = []
    async with contextlib.aclosing(leg.frames()) as frames:
        async for frame in frames:
            heard.append(frame)
            leg.write(sine(hz, len(heard)) if hz else silence())
            if len(heard) == count:
                break
    return heard


async def until(leg: Any, happened: Callable[[], bool]) -> None:
    """Let the leg's time pass until something has happened, 4 s at most."""
    left = 200
    async with contextlib.aclosing(leg.frames()) as frames:
        async for _ in frames:
            leg.write(silence())
            left -= 1
            if happened() or not left:
                break
    assert happened()


async def drained(*work: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.wait_for(asyncio.gather(*work), 10))


def loudest_hz(frames: list[np.ndarray]) -> float:
    run = np.concatenate(frames).astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(run * np.hanning(len(run))))) * BUS_HZ / len(run))


async def test_the_called_leg_knows_who_calls_whom(line):
    assert line.bot.info.caller == "alice"
    assert line.bot.info.called == "1000"
    assert line.bot.info.leg_id
    assert line.bot.info.kind == line.phone.info.kind
    assert line.bot.ended is None and line.phone.ended is None


async def test_frames_are_whole_and_one_per_tick(line):
    await line.connect()
    await drained(caught_up(line.bot), caught_up(line.phone))
    began = asyncio.get_running_loop().time()
    heard, _ = await drained(talk(line.bot, 25), talk(line.phone, 25))
    took = asyncio.get_running_loop().time() - began
    assert len(heard) == 25
    assert all(f.shape == (FRAME_SAMPLES,) and f.dtype == np.int16 for f in heard)
    assert took < 1.0  # half a second of audio is never late by as much again
    if line.bot.info.kind != "loopback":
        assert took > 0.4


async def test_tones_cross_both_ways_at_their_level(line):
    await line.connect()
    at_bot, at_phone = await drained(talk(line.bot, 60, hz=600), talk(line.phone, 60, hz=1000))
    want = level_db(sine(1000, 0))
    for heard, hz in ((at_bot, 1000), (at_phone, 600)):
        settled = heard[20:]
        assert loudest_hz(settled) == pytest.approx(hz, abs=2)
        assert level_db(np.concatenate(settled)) == pytest.approx(want, abs=0.3)


async def test_silence_comes_where_nothing_is_sent(line):
    await line.connect()

    async def mute(leg: Any) -> list[np.ndarray]:
        return [f async for f, _ in zip_async(leg.frames(), range(20))]

    heard, _ = await drained(mute(line.bot), mute(line.phone))
    assert len(heard) == 20
    assert max(level_db(f) for f in heard) < -70
    assert line.phone.stats.underruns > 0


async def zip_async(frames: AsyncIterator[Any], numbers: range) -> AsyncIterator[Any]:
    async with contextlib.aclosing(frames):
        for number in numbers:
            yield await anext(frames), number


async def test_digits_arrive_in_order_once(line):
    await line.connect()
    await talk(line.bot, 5)
    await line.phone.send_digits("15#")
    digits: list[str] = []

    def collected() -> bool:
        digits.extend(e.digit for e in line.bot.events() if isinstance(e, Digit))
        return len(digits) >= 3

    await until(line.bot, collected)
    assert digits == ["1", "5", "#"]
    await talk(line.bot, 15)
    assert [e for e in line.bot.events() if isinstance(e, Digit)] == []


async def test_media_change_is_told_before_anything_else(line):
    await line.connect()
    await until(line.bot, lambda: bool(line.bot.info.codec))
    first = line.bot.events()[0]
    assert first == MediaChanged(line.bot.info.codec, line.bot.info.codec_hz)
    assert line.bot.info.codec_hz > 0
    assert line.bot.events() == []


@pytest.mark.parametrize("who", ["bot", "phone"])
async def test_a_hang_up_ends_both_sides(line, who):
    await line.connect()
    leaver, stayer = (line.bot, line.phone) if who == "bot" else (line.phone, line.bot)
    listening = asyncio.ensure_future(talk(stayer, 10_000))
    await talk(leaver, 10)
    await leaver.hang_up()
    heard = await asyncio.wait_for(listening, 5)
    assert 5 <= len(heard) < 200
    assert (leaver.ended, stayer.ended) == ("bot", "caller")
    assert len(await asyncio.wait_for(talk(leaver, 100), 5)) < 60  # only what was left over
    assert stayer.stats.frames_in == len(heard)
    assert stayer.stats.rtp_received > 0


async def test_a_finished_leg_shrugs(line):
    await line.connect()
    await talk(line.bot, 3)
    await line.bot.hang_up()
    await line.bot.hang_up(HangUp.BUSY)
    assert line.bot.ended == "bot"
    line.bot.write(silence())
    line.bot.flush()
    await line.bot.send_digits("1")
    with pytest.raises(LegError):
        await line.bot.transfer("sip:2000@127.0.0.1")
    with pytest.raises(LegError):
        await line.bot.answer()
    line.bot.events()


async def test_flush_drops_what_is_queued_and_says_how_much(line):
    await line.connect()
    await talk(line.bot, 5)
    line.bot.flush()
    for index in range(4):
        line.bot.write(sine(1000, index))
    assert line.bot.flush() == pytest.approx(0.08, abs=0.0201)  # the clock may take one first
    assert line.bot.flush() == 0.0


async def test_a_full_queue_drops_and_counts(line):
    await line.connect()
    await talk(line.bot, 5)
    for index in range(30):
        line.bot.write(sine(1000, index))
    assert line.bot.flush() <= 0.1001
    assert line.bot.stats.frames_dropped >= 20


async def test_silence_does_not_queue_up(line):
    """The delay an underrun leaves behind goes away in the first pause."""
    await line.connect()
    await talk(line.bot, 5)
    line.bot.flush()
    for _ in range(30):
        line.bot.write(silence())
    assert line.bot.flush() <= 0.0401
    assert line.bot.stats.frames_dropped == 0


@pytest.mark.parametrize(
    ("reason", "code"), [(HangUp.BUSY, "486"), (HangUp.NOT_FOUND, "404"), (HangUp.DECLINED, "603")]
)
async def test_a_refusal_reaches_the_caller(line, reason, code):
    await line.bot.hang_up(reason)
    with pytest.raises(LegError) as refused:
        await line.phone.answered(5)
    assert line.bot.ended == "bot"
    assert line.phone.ended is not None and line.phone.ended.startswith("failed: ")
    if line.phone.info.kind == "sip":
        assert code in str(refused.value)
        assert refused.value.code == int(code)
    if line.phone.info.kind == "webrtc":
        assert refused.value.reason is reason
    assert await asyncio.wait_for(talk(line.phone, 5), 5) == []


@pytest.mark.parametrize(
    ("code", "contact", "told"),
    [
        (486, "", HangUp.BUSY),
        (604, "", HangUp.NOT_FOUND),
        (302, "sip:7@198.51.100.7", HangUp.FAILED),
    ],
)
async def test_a_status_of_the_plan_reaches_the_caller(line, code, contact, told):
    await line.bot.refuse(code, contact=contact)
    await line.bot.refuse(code)  # harmless
    with pytest.raises(LegError) as refused:
        await line.phone.answered(5)
    assert line.bot.ended == "bot"
    if line.phone.info.kind == "webrtc":
        assert refused.value.reason is told
    else:
        assert str(code) in str(refused.value)


async def test_what_is_early_is_heard_where_there_is_a_way(line):
    if not await line.bot.early():
        assert line.bot.ended is None
        await line.connect()
        return
    assert len(await asyncio.wait_for(talk(line.bot, 5), 5)) == 5, "frames begin with it"
    await line.connect()
    assert len(await asyncio.wait_for(talk(line.bot, 5), 5)) == 5
    await line.phone.hang_up()


async def test_a_caller_who_gives_up_has_cancelled(line):
    await line.phone.hang_up()
    await asyncio.wait_for(talk(line.bot, 5), 5)  # ends at once, without a frame
    assert line.bot.ended == "cancelled"
    assert line.phone.ended == "bot"
    with pytest.raises(LegError):
        await line.bot.answer()


async def test_stats_add_up(line):
    await line.connect()
    await drained(talk(line.bot, 40, hz=600), talk(line.phone, 40, hz=1000))
    await line.phone.hang_up()
    await asyncio.wait_for(talk(line.bot, 10_000), 5)
    stats = line.bot.stats
    assert stats.frames_in >= 40
    assert stats.rtp_received >= 35
    assert stats.rtp_lost == 0
    assert stats.frames_lost <= stats.frames_in
