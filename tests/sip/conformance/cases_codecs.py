"""Codecs and their negotiation."""

from __future__ import annotations

import base64
import os
import re

from tests.sip.conformance.desk import SECURE, Desk
from tests.sip.conformance.media import KINDS
from tests.sip.conformance.sdp import audio_at, media_lines, sdp
from tests.sip.conformance.table import case
from tests.support.sip_message import uri_of

ANSWER_S = 1.0  # from the 200 to the first word


@case("greeting", "the first word comes within a second of the 200", "RFC 3261 13.3.1.4")
async def greeting(desk: Desk) -> None:
    call = await desk.call()
    await call.dial()
    first = await call.media.speech()
    assert first.at - call.answered_at < ANSWER_S, f"{first.at - call.answered_at:.2f} s"


async def _talks(desk: Desk, codec: str) -> None:
    call = await desk.call()
    call.codecs = (codec,)
    answer = await call.dial()
    assert audio_at(answer.body)[1] == [KINDS[codec]], answer.body
    heard = await call.media.speech()
    assert heard.kind == KINDS[codec], f"payload type {heard.kind}"
    await call.media.quiet()
    call.media.speak()
    await call.media.drained()
    await call.media.speech(after=heard.at + 0.8)
    await call.bye()
    assert (await desk.record(call))["codec"] == codec


@case("codec-pcmu", "PCMU both ways", "RFC 3551 4.5.14", wait_s=4)
async def pcmu(desk: Desk) -> None:
    await _talks(desk, "PCMU")


@case("codec-pcma", "PCMA both ways", "RFC 3551 4.5.14", wait_s=4)
async def pcma(desk: Desk) -> None:
    await _talks(desk, "PCMA")


@case("codec-g722", "G.722 both ways", "RFC 3551 4.5.2", wait_s=4)
async def g722(desk: Desk) -> None:
    await _talks(desk, "G722")


@case(
    "codec-order", "of several codecs the one that the answer names first is sent", "RFC 3264 6.1"
)
async def order(desk: Desk) -> None:
    call = await desk.call()
    call.codecs = ("G722", "PCMA", "PCMU")
    answer = await call.dial()
    kinds = audio_at(answer.body)[1]
    heard = await call.media.speech()
    assert heard.kind == kinds[0], f"{heard.kind} is sent, {kinds} were agreed"
    assert not set(kinds) - set(KINDS.values())


@case("codec-none", "no codec in common: 488, and nothing is sent", "RFC 3261 21.4.26")
async def none_in_common(desk: Desk) -> None:
    call = await desk.call()
    final = await call.invite(sdp(call.media.port, (), rtpmaps=["18 G729/8000"]))
    assert final.status == 488, final.first
    assert not await call.media.flow(0.3)


@case("codec-change", "a re-INVITE changes the codec, the talk goes on", "RFC 3261 14", wait_s=5)
async def change(desk: Desk) -> None:
    call = await desk.up()
    call.codecs = ("PCMA",)
    answer = await call.dial()
    assert audio_at(answer.body)[1] == [KINDS["PCMA"]], answer.body
    begun = (await call.media.flow(0.3))[-1].at
    call.media.speak()
    heard = await call.media.speech(after=begun)
    assert heard.kind == KINDS["PCMA"], f"payload type {heard.kind}"


async def _answers_offer(desk: Desk, *, again: bool) -> None:
    call = await (desk.up() if again else desk.call())
    final = await call.dial(body="", ack=False)
    kinds = audio_at(final.body)[1]
    assert kinds == [KINDS[name] for name in ("PCMU", "PCMA", "G722")], final.body
    call.hear(final.body)
    call.ack(call.invited, sdp(call.media.port, ("PCMA",)))
    call.media.kind = KINDS["PCMA"]
    begun = (await call.media.flow(0.4))[-1].at if again else 0.0
    if again:
        call.media.speak()
    heard = await call.media.speech(after=begun)
    assert heard.kind == KINDS["PCMA"], f"payload type {heard.kind}"


@case("late-offer", "an INVITE without SDP is offered all codecs, in order", "RFC 3261 13.2.1")
async def late_offer(desk: Desk) -> None:
    await _answers_offer(desk, again=False)


@case("late-reinvite", "a re-INVITE without SDP is offered all codecs", "RFC 3261 14.2", wait_s=4)
async def late_reinvite(desk: Desk) -> None:
    await _answers_offer(desk, again=True)


@case("video", "a video line is refused with port 0, the audio goes on", "RFC 3264 6")
async def video(desk: Desk) -> None:
    call = await desk.call()
    more = [f"m=video {call.media.port + 2} RTP/AVP 96", "a=rtpmap:96 H264/90000"]
    answer = await call.dial(call.offer(more=more))
    lines = media_lines(answer.body)
    assert [line[0] for line in lines] == ["audio", "video"], answer.body
    assert int(lines[0][1]) and lines[1][1] == "0", answer.body
    await call.media.speech()


@case("no-events", "a caller without telephone-event is answered without it", "RFC 3264 6.1")
async def no_events(desk: Desk) -> None:
    call = await desk.call()
    body = "\r\n".join(
        line.removesuffix(" 101") for line in call.offer().split("\r\n") if ":101" not in line
    )
    answer = await call.dial(body)
    assert "telephone-event" not in answer.body, answer.body
    await call.media.speech()


@case("contact", "the 200 names a contact that can be reached", "RFC 3261 12.1.1")
async def contact(desk: Desk) -> None:
    call = await desk.call()
    final = await call.dial()
    host, port = desk.bot.sip
    assert f"{host}:{port}" in uri_of(final.get("contact")), final.get("contact")
    assert "INVITE" in final.get("allow") and "BYE" in final.get("allow")
    assert (await call.bye()).status == 200


async def _ptime(desk: Desk, ms: int) -> None:
    call = await desk.call()
    call.media.ptime_ms = ms
    await call.dial(call.offer(ptime_ms=ms))
    await call.media.speech()
    await call.media.quiet()
    begun = call.media.received[-1].at
    call.media.speak(1.2)
    await call.media.drained()
    await call.media.speech(after=begun)


@case("ptime-10", "packets of 10 ms are understood", "RFC 4566 6", wait_s=4)
async def ptime_10(desk: Desk) -> None:
    await _ptime(desk, 10)


@case("ptime-30", "packets of 30 ms are understood", "RFC 4566 6", wait_s=4)
async def ptime_30(desk: Desk) -> None:
    await _ptime(desk, 30)


@case("ptime-60", "packets of 60 ms are understood", "RFC 4566 6", wait_s=4)
async def ptime_60(desk: Desk) -> None:
    await _ptime(desk, 60)


SUITE = "AES_CM_128_HMAC_SHA1_80"


def _key(key: bytes, suite: str = SUITE) -> str:
    return f"a=crypto:1 {suite} inline:{base64.b64encode(key).decode()}"


@case("srtp", "SRTP by keys in the SDP, both ways", "RFC 4568 5.1.2", wait_s=4)
async def srtp(desk: Desk) -> None:
    call = await desk.call()
    ours = os.urandom(30)
    answer = await call.invite(call.offer(profile="RTP/SAVP", more=[_key(ours)]), ack=False)
    assert answer.status == 200, answer.first
    found = re.search(rf"^a=crypto:1 {SUITE} inline:([^|\s]+)", answer.body, re.MULTILINE)
    assert found and media_lines(answer.body)[0][2] == "RTP/SAVP", answer.body
    call.media.secure(base64.b64decode(found[1]), ours)
    call.ack(call.invited)
    await call.media.speech()
    await call.media.quiet()
    begun = call.media.received[-1].at
    call.media.speak()
    await call.media.speech(after=begun)


@case("srtp-mismatch", "SRTP by a cipher we do not have: 488", "RFC 4568 5.1.2")
async def srtp_mismatch(desk: Desk) -> None:
    call = await desk.call()
    key = _key(bytes(30), "F8_128_HMAC_SHA1_80")
    final = await call.invite(call.offer(profile="RTP/SAVP", more=[key]))
    assert final.status == 488, final.first


@case("srtp-no-key", "SRTP without a key: 488", "RFC 4568 5.1.2")
async def srtp_no_key(desk: Desk) -> None:
    call = await desk.call()
    final = await call.invite(call.offer(profile="RTP/SAVP"))
    assert final.status == 488, final.first


@case("srtp-mandatory", "a trunk that wants SRTP: plain RTP gets 488", "RFC 4568 5.1.2")
async def srtp_mandatory(desk: Desk) -> None:
    agent = await desk.agent(host=SECURE)
    plain, secure = await agent.call("1000"), await agent.call("1000")
    refused = await plain.invite()
    assert refused.status == 488, refused.first
    key = _key(os.urandom(30))
    answer = await secure.invite(secure.offer(profile="RTP/SAVP", more=[key]))
    assert answer.status == 200, answer.first
    assert media_lines(answer.body)[0][2] == "RTP/SAVP", answer.body
    await secure.bye()
