"""SDP of a scripted caller (RFC 4566, RFC 3264)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from tests.sip.conformance.media import KINDS
from tests.support.rtp_wire import EVENT_TYPE

_versions = itertools.count(1)


def sdp(
    port: int,
    codecs: Sequence[str] = ("PCMU",),
    *,
    way: str = "sendrecv",
    address: str = "127.0.0.1",
    ptime_ms: int = 20,
    profile: str = "RTP/AVP",
    more: Sequence[str] = (),
    rtpmaps: Sequence[str] = (),
) -> str:
    """An offer or answer with one audio line; `more` goes below it. Codecs we have no number for
    are told as `rtpmaps`, "18 G729/8000"."""
    maps = [f"{KINDS[name]} {name}/8000" for name in codecs] + list(rtpmaps)
    kinds = [each.split()[0] for each in maps]
    lines = [
        "v=0",
        f"o=scripted 4475 {next(_versions)} IN IP4 127.0.0.1",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port} {profile} {' '.join(kinds)} {EVENT_TYPE}",
        *(f"a=rtpmap:{each}" for each in maps),
        f"a=rtpmap:{EVENT_TYPE} telephone-event/8000",
        f"a=fmtp:{EVENT_TYPE} 0-15",
        f"a=ptime:{ptime_ms}",
        f"a={way}",
        *more,
    ]
    return "\r\n".join([*lines, ""])


def media_lines(body: str) -> list[list[str]]:
    """The words of each m-line: ["audio", "4000", "RTP/AVP", "0", "101"]."""
    return [line.split() for line in re.findall(r"^m=(.+?)\r?$", body, re.M)]


def audio_at(body: str) -> tuple[tuple[str, int], list[int]]:
    """Where the audio goes, and the payload types of codecs in their order."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.M)
    lines = [line for line in media_lines(body) if line[0] == "audio"]
    assert host and lines, f"no audio in {body!r}"
    kinds = [int(kind) for kind in lines[0][3:] if int(kind) in KINDS.values()]
    return (host[1], int(lines[0][1])), kinds


def way_of(body: str) -> str:
    """sendrecv where nothing else is said."""
    found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", body, re.M)
    return found[1] if found else "sendrecv"
