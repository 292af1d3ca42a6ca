"""Offers of browsers that mean no good, or are broken: refused or answered, nothing else."""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Callable

import pytest
from aiortc.sdp import SessionDescription

from bot.errors import LegError
from bot.legs.webrtc import WebRtcEndpoint, WebRtcLeg
from tests.legs.test_webrtc_sdp import offered
from tests.support.browser_call import call, house, loudest_hz, talk, tone, udp_sockets, until
from tests.support.webrtc_phone import PhoneConnection, WebRtcPhone

SEED = 20
DAMAGED = 2000
NUMBERS = ("0", "-1", "9", "65536", "4294967296", "1" * 400, "x", "")


async def offers() -> list[str]:
    """Good ones to begin with."""
    kinds = (["audio"], ["video", "audio", "data"], ["audio", "audio"], ["audio", "video"] * 4)
    return [await offered(*each) for each in kinds]


def with_a_word_changed(line: str, dice: random.Random) -> str:
    words = line.split(" ")
    words[dice.randrange(len(words))] = dice.choice(NUMBERS)
    return " ".join(words)


def with_a_letter_changed(line: str, dice: random.Random) -> str:
    cut = dice.randrange(len(line))
    return line[:cut] + dice.choice("\0é=: \r\n/;9") + line[cut + 1 :]


HARM: tuple[Callable[[list[str], int, random.Random], list[str]], ...] = (
    lambda lines, at, dice: lines[:at] + lines[at + 1 :],
    lambda lines, at, dice: [*lines, lines[at]],
    lambda lines, at, dice: [*lines[:at], dice.choice(lines), *lines[at:]],
    lambda lines, at, dice: [*lines[at:], *lines[:at]],
    lambda lines, at, dice: [*lines[:at], with_a_word_changed(lines[at], dice), *lines[at + 1 :]],
    lambda lines, at, dice: [*lines[:at], with_a_letter_changed(lines[at], dice), *lines[at + 1 :]],
    lambda lines, at, dice: [
        *lines[:at],
        lines[at][: dice.randrange(len(lines[at]))] + "\r\n",
        *lines[at + 1 :],
    ],
    lambda lines, at, dice: [*lines[:at], lines[at].rstrip() * 30 + "\r\n", *lines[at + 1 :]],
    lambda lines, at, dice: lines[:at],
)


def damaged(sdp: str, dice: random.Random) -> str:
    """One to four things of it are changed, as by a bug, a bad line or on purpose."""
    lines = sdp.splitlines(keepends=True)
    for _ in range(dice.randint(1, 4)):
        lines = dice.choice(HARM)(lines, dice.randrange(len(lines)), dice) or ["v=0\r\n"]
    return "".join(lines)


async def tried(endpoint: WebRtcEndpoint, sdp: str) -> str:
    """What came of an offer. Whatever else is raised is a bug."""
    try:
        leg = endpoint.offered(sdp, leg_id="room", called="1")
    except LegError:
        return "refused"
    try:
        await leg.answer()
        await leg.negotiated()
    except LegError:
        outcome = "no answer"
    else:
        outcome = "answered"
    await leg.hang_up()
    assert leg.ended is not None
    return outcome


async def test_damaged_offers_are_refused_or_answered_and_nothing_else():
    loop, complaints = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    dice, came = random.Random(SEED), {"refused": 0, "no answer": 0, "answered": 0}
    good = await offers()
    async with house() as endpoint:
        began = time.monotonic()
        for _ in range(DAMAGED):
            sdp = damaged(dice.choice(good), dice)
            try:
                came[await asyncio.wait_for(tried(endpoint, sdp), 5)] += 1
            except BaseException:
                print(sdp)  # pytest shows it under the failure
                raise
        print(f"{came} in {time.monotonic() - began:.1f} s")
        assert endpoint.calls == 0
        assert came["refused"] > DAMAGED / 10 and came["answered"] > DAMAGED / 10
        for sdp in good:  # nothing of it has harmed the endpoint
            assert await tried(endpoint, sdp) == "answered"
    assert complaints == []
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, 1)
    assert udp_sockets() == 0


# ---- some of them by name


def payload(sdp: str) -> str:
    return next(line.split()[0].split(":")[1] for line in sdp.splitlines() if "opus/48000" in line)


def pcmu_first(sdp: str) -> str:
    number = payload(sdp)
    return re.sub(r"(m=audio \d+ \S+) (.*)", rf"\1 0 8 {number}", sdp)


def without_opus(sdp: str) -> str:
    number = payload(sdp)
    lines = [line for line in sdp.splitlines() if f":{number} " not in line]
    return re.sub(r"(m=audio \d+ \S+) .*", r"\1 0 8", "\r\n".join(lines)) + "\r\n"


async def connected(endpoint: WebRtcEndpoint, offer: str, line: PhoneConnection) -> WebRtcLeg:
    """A call that `line` began with `offer`, once its audio comes."""
    leg = endpoint.offered(offer, leg_id="room", called="1")
    await leg.answer()
    await line.take(await leg.negotiated())
    await asyncio.wait_for(line.connected.wait(), 5)
    heard: list = []
    reading = asyncio.ensure_future(talk(leg, heard))
    for number in range(30):
        line.microphone.put(tone(number, 1000).tobytes())
        await asyncio.sleep(0.02)
    assert loudest_hz(heard[-20:]) == pytest.approx(1000, abs=5)
    reading.cancel()
    return leg


async def test_opus_is_spoken_though_another_codec_is_offered_first():
    async with house() as endpoint:
        phone = WebRtcPhone()
        leg = await connected(endpoint, pcmu_first(await phone.line.offer()), phone.line)
        assert (leg.info.codec, leg.info.codec_hz) == ("opus", 48_000)
        await leg.hang_up()
        await phone.close()


async def test_without_opus_there_is_no_call():
    async with house() as endpoint:
        sdp = without_opus(await offered("audio"))
        assert "m=audio" in sdp and "PCMU" in sdp
        with pytest.raises(LegError, match="Opus"):
            endpoint.offered(sdp, leg_id="room", called="1")
        assert endpoint.calls == 0


async def test_of_eight_sections_one_is_answered_and_one_socket_opened_for_each_address():
    async with house() as endpoint:
        alone, many = await offered("audio"), await offered(*["video", "audio"] * 4)
        sockets = []
        for sdp in (alone, many):
            leg = endpoint.offered(sdp, leg_id="room", called="1")
            await leg.answer()
            sections = SessionDescription.parse(await leg.negotiated()).media
            assert len(sections) == sdp.count("m=")
            assert [each.direction for each in sections].count("sendrecv") == 1
            sockets.append(udp_sockets())
            await leg.hang_up()
        assert sockets[0] == sockets[1] > 0


async def test_an_audio_section_that_is_switched_off_is_not_taken():
    """Port 0: not to be used (RFC 3264)."""
    async with house() as endpoint:
        off = re.sub(r"m=audio \d+", "m=audio 0", await offered("audio"))
        assert await tried(endpoint, off) == "refused"
        two = re.sub(r"m=audio \d+", "m=audio 0", await offered("audio", "audio"), count=1)
        leg = endpoint.offered(two, leg_id="room", called="1")
        await leg.answer()
        answer = SessionDescription.parse(await leg.negotiated())
        first, second = answer.media
        assert (first.port, first.direction) == (0, "inactive")
        assert second.direction == "sendrecv" and second.port
        assert answer.group[0].items == [second.rtp.muxId]
        assert leg._offer.tagged == 1  # candidates of the first would go nowhere
        await leg.hang_up()


async def test_audio_without_a_port_of_its_own_is_taken():
    """Port 0 with `bundle-only`, as of browsers with bundlePolicy "max-bundle" (RFC 9143)."""
    async with house() as endpoint:
        phone = WebRtcPhone()
        phone.line.pc.addTransceiver("video")
        sdp = await phone.line.offer()
        sections = re.split(r"(?=^m=)", sdp, flags=re.MULTILINE)
        audio = next(each for each in sections if each.startswith("m=audio"))
        bundled = re.sub(r"m=audio \d+", "m=audio 0", audio) + "a=bundle-only\r\n"
        leg = await connected(endpoint, sdp.replace(audio, bundled), phone.line)
        await leg.hang_up()
        await phone.close()


async def test_damaged_further_offers_leave_the_call_alone():
    dice = random.Random(SEED)
    good = await offers()
    async with call() as (endpoint, phone, leg):
        heard: list = []
        reading = asyncio.ensure_future(talk(leg, heard))
        saying = asyncio.ensure_future(talk(phone, [], hz=1000))
        for _ in range(200):
            with contextlib.suppress(LegError):  # and nothing else
                await leg.renegotiate(damaged(dice.choice(good), dice))
        await asyncio.sleep(0.6)
        assert (leg.ended, endpoint.calls) == (None, 1)
        assert loudest_hz(heard[-25:]) == pytest.approx(1000, abs=3)
        saying.cancel()
        reading.cancel()
        await leg.hang_up()
    await until(lambda: udp_sockets() == 0, 3)
