"""Which codec is spoken, and how it is agreed on (RFC 3264)."""

from __future__ import annotations

import time

from tests.sip.conformance.agent import Call
from tests.sip.conformance.desk import Desk
from tests.sip.conformance.media import KINDS
from tests.sip.conformance.sdp import audio_at, media_lines, sdp
from tests.sip.conformance.table import case


async def speaks(desk: Desk, codec: str) -> None:
    """The greeting comes in that codec, 160 bytes every 160 units of the clock."""
    call = await desk.caller()
    call.codecs = (codec,)
    final = await call.dial()
    assert audio_at(final.body)[1][:1] == [KINDS[codec]], f"agreed on {media_lines(final.body)}"
    await call.media.speech()
    packets = (await call.media.flow(0.4))[:-1]
    assert len(packets) > 10, f"{len(packets)} packets in 0.4 s"
    assert {packet.kind for packet in packets} == {KINDS[codec]}
    assert {len(packet.payload) for packet in packets} == {160}
    steps = {b.timestamp - a.timestamp for a, b in zip(packets, packets[1:], strict=False)}
    assert steps == {160}, f"timestamps rise by {steps}"
    await call.bye()
    assert (await desk.record(call))["codec"] == codec


@case("PCMU", "the greeting comes as PCMU", "RFC 3551 4.5.14")
async def pcmu(desk: Desk) -> None:
    await speaks(desk, "PCMU")


@case("PCMA", "the greeting comes as PCMA", "RFC 3551 4.5.14")
async def pcma(desk: Desk) -> None:
    await speaks(desk, "PCMA")


@case("G722", "the greeting comes as G.722 with its 8 kHz clock", "RFC 3551 4.5.2")
async def g722(desk: Desk) -> None:
    await speaks(desk, "G722")


@case("order of preference", "the caller's first codec is taken", "RFC 3264 6.1")
async def order(desk: Desk) -> None:
    for offered in (("PCMA", "PCMU", "G722"), ("G722", "PCMA", "PCMU")):
        call = await desk.caller()
        call.codecs = offered
        first = audio_at((await call.dial()).body)[1][0]
        assert first == KINDS[offered[0]], f"{offered} was answered with {first}"
        assert (await call.media.speech()).kind == first
        await call.bye()


@case("no codec in common", "488, and no line stays taken", "RFC 3261 21.4.26")
async def none_in_common(desk: Desk) -> None:
    call = await desk.caller()
    final = await call.invite(sdp(call.media.port, (), rtpmaps=["18 G729/8000", "4 G723/8000"]))
    assert final.status == 488, final.first


async def _changed(call: Call, codec: str) -> None:
    call.codecs = (codec,)
    final = await call.dial()
    assert audio_at(final.body)[1][:1] == [KINDS[codec]]
    at = time.monotonic() + 0.1
    packets = [packet for packet in await call.media.flow(0.5) if packet.at > at]
    assert {packet.kind for packet in packets} == {KINDS[codec]}, "in the new codec"
    assert len(packets) > 12, f"{len(packets)} packets in 0.4 s"


@case("codec change", "a re-INVITE changes the codec in mid-call, and again", "RFC 3264 8.3.2")
async def codec_change(desk: Desk) -> None:
    call = await desk.caller()
    await call.dial()
    await call.media.speech()
    await _changed(call, "PCMA")
    await _changed(call, "G722")
    await call.bye()


@case("late offer", "an INVITE without SDP is answered with an offer", "RFC 3261 13.2.1")
async def late_offer(desk: Desk) -> None:
    call = await desk.caller()
    final = await call.invite("", ack=False)
    assert final.status == 200, final.first
    target, kinds = audio_at(final.body)
    assert set(kinds) == set(KINDS.values()), f"offered: {media_lines(final.body)}"
    assert call.invited is not None
    call.ack(call.invited, sdp(call.media.port, ("PCMA",)))
    call.media.start(target, KINDS["PCMA"])
    assert (await call.media.speech()).kind == KINDS["PCMA"]
    await call.bye()


@case("late offer in mid-call", "so is a re-INVITE without SDP", "RFC 3261 14.2")
async def late_reoffer(desk: Desk) -> None:
    call = await desk.caller()
    await call.dial()
    await call.media.speech()
    final = await call.invite("", ack=False)
    assert final.status == 200 and audio_at(final.body)[1], final.first
    assert call.invited is not None
    call.ack(call.invited, call.offer())
    await call.media.speech(after=time.monotonic())
    await call.bye()


@case("codec refused in mid-call", "488 to the re-INVITE; the call goes on", "RFC 3261 14.2")
async def bad_reoffer(desk: Desk) -> None:
    call = await desk.caller()
    await call.dial()
    await call.media.speech()
    final = await call.invite(sdp(call.media.port, (), rtpmaps=["18 G729/8000"]))
    assert final.status == 488, final.first
    assert len(await call.media.flow(0.4)) > 10, "audio goes on"
    await call.bye()


async def paced(desk: Desk, ptime_ms: int) -> None:
    """Packets of that length are understood, whatever length ours have."""
    call = await desk.caller()
    call.media.ptime_ms = ptime_ms
    final = await call.dial(call.offer(ptime_ms=ptime_ms))
    assert audio_at(final.body)[1]
    await call.media.speech()
    call.media.press("5")
    digits = await desk.events(call, "digit", 1)
    assert [each["digit"] for each in digits] == ["5"], digits
    told = 8 * ptime_ms
    sizes = {len(packet.payload) for packet in await call.media.flow(0.3)}
    assert len(sizes) == 1 and sizes <= {160, told}, f"packets of {sizes} bytes"
    await call.bye()
    record = await desk.record(call)
    assert record["rtp_received"] > 0.4 * 1000 / ptime_ms, record["rtp_received"]
    assert record["frames_lost"] <= 0.2 * record["frames_in"] if "frames_lost" in record else True


@case("ptime 10", "a caller with 10 ms packets", "RFC 4566 6")
async def ptime_10(desk: Desk) -> None:
    await paced(desk, 10)


@case("ptime 30", "a caller with 30 ms packets", "RFC 4566 6")
async def ptime_30(desk: Desk) -> None:
    await paced(desk, 30)


@case("ptime 60", "a caller with 60 ms packets", "RFC 4566 6")
async def ptime_60(desk: Desk) -> None:
    await paced(desk, 60)


@case("video refused", "an m-line of video gets port 0, audio goes on", "RFC 3264 6")
async def video(desk: Desk) -> None:
    call = await desk.caller()
    more = ["m=video 30000 RTP/AVP 96", "a=rtpmap:96 H264/90000"]
    lines = media_lines((await call.dial(call.offer(more=more))).body)
    assert [line[0] for line in lines] == ["audio", "video"], lines
    assert lines[0][1] != "0" and lines[1][1] == "0", lines
    await call.media.speech()
    await call.bye()


@case("video first", "the same with video above the audio line", "RFC 3264 6")
async def video_first(desk: Desk) -> None:
    call = await desk.caller()
    head, _, audio = call.offer().partition("m=audio")
    body = f"{head}m=video 30000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio{audio}"
    lines = media_lines((await call.dial(body)).body)
    assert [line[0] for line in lines] == ["video", "audio"], lines
    assert lines[0][1] == "0" and lines[1][1] != "0", lines
    await call.media.speech()
    await call.bye()
