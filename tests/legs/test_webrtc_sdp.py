"""Offers as strangers may write them, and the answer to tracks that the bot does not take."""

import contextlib

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.sdp import SessionDescription

from bot.errors import LegError
from bot.legs.webrtc_sdp import candidate_text, parse_candidate, parse_offer


async def offered(*kinds: str) -> str:
    """What aiortc offers with these tracks, in this order."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in kinds:
        if kind == "data":
            connection.createDataChannel("chat")
        else:
            connection.addTransceiver(kind)
    await connection.setLocalDescription(await connection.createOffer())
    sdp = connection.localDescription.sdp
    await connection.close()
    return sdp


async def test_the_first_opus_track_is_taken_alone():
    offer = parse_offer(await offered("video", "audio", "audio", "data"))
    assert (offer.audio, offer.tagged) == (1, 0)
    assert offer.candidates
    cut = SessionDescription.parse(offer.for_aiortc())
    (media,) = cut.media
    assert media.rtp.muxId == offer.audio_mid
    assert [codec.mimeType for codec in media.rtp.codecs] == ["audio/opus"]
    assert media.ice_candidates == []
    assert media.ice.usernameFragment == offer.ufrag


async def test_the_answer_has_all_sections_in_their_order():
    offer = parse_offer(await offered("video", "audio", "audio", "data"))
    alone = parse_offer(await offered("audio"))
    ours = SessionDescription.parse(offer.for_aiortc())  # stands for aiortc's answer
    ours.media[0].dtls = alone.whole.media[0].dtls
    ours.media[0].dtls.role = "client"
    answer = SessionDescription.parse(offer.answer(str(ours)))
    assert [m.kind for m in answer.media] == ["video", "audio", "audio", "application"]
    assert [m.rtp.muxId for m in answer.media] == [m.rtp.muxId for m in offer.whole.media]
    assert [m.direction for m in answer.media[:3]] == ["inactive", "sendrecv", "inactive"]
    assert answer.media[3].port == 0
    assert all(m.port for m in answer.media[:3])
    assert all(not m.ice_candidates for m in answer.media if m.direction == "inactive")


def without(sdp: str, *words: str) -> str:
    return "".join(
        line for line in sdp.splitlines(keepends=True) if not any(word in line for word in words)
    )


async def test_what_is_no_offer_is_refused():
    sdp = await offered("audio")
    parse_offer(sdp)
    for wrong in (
        "", "hello", "v=0\r\n", "m=audio\r\n", sdp.replace("m=audio", "m=audio x"),
        sdp.replace("opus/48000", "opus/x"), sdp + "a=fmtp:nonsense\r\n", sdp + "a=rtcp-fb\r\n",
        sdp + "a=candidate:1 2\r\n", sdp + "a=ssrc:1\r\n", sdp + "a=setup:perhaps\r\n",
        sdp.replace("opus/48000", "other/48000"), sdp.replace("m=audio", "m=video"),
        without(sdp, "ice-ufrag"), without(sdp, "ice-pwd"), without(sdp, "fingerprint"),
        without(sdp, "rtcp-mux"), without(sdp, "a=mid"), without(sdp, "a=setup"),
        await offered("video"), await offered("data"), sdp * 20 + "a=extmap:9",
    ):  # fmt: skip
        with pytest.raises(LegError):
            parse_offer(wrong)


async def test_no_half_of_an_offer_breaks_the_parser():
    sdp = await offered("video", "audio", "data")
    lines = sdp.splitlines(keepends=True)
    for count in range(len(lines)):
        for text in ("".join(lines[:count]), "".join(lines[count:]), sdp[: count * 37]):
            with contextlib.suppress(LegError):  # and nothing else
                parse_offer(text)


def test_candidates_are_read_as_browsers_write_them():
    text = (
        "candidate:842163049 1 udp 1677729535 192.0.2.7 46154 typ srflx raddr 10.0.0.17 "
        "rport 46154 generation 0 ufrag EsAw network-cost 999"
    )
    candidate = parse_candidate(text, "0", 0)
    assert (candidate.ip, candidate.port, candidate.type) == ("192.0.2.7", 46154, "srflx")
    assert candidate_text(candidate).startswith("candidate:842163049 1 udp ")
    assert parse_candidate("", "0", 0) is None
    tcp = "candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0"
    assert parse_candidate(tcp, "0", 0) is None
    assert parse_candidate(text.replace("46154", "0", 1), "0", None) is None
    for wrong, mid, line in (
        ("candidate:1", "0", 0), ("hello", "0", 0), (text, None, None),
        (text.replace("46154", "port"), "0", 0),
    ):  # fmt: skip
        with pytest.raises(LegError):
            parse_candidate(wrong, mid, line)
