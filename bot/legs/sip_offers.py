"""What is read from and changed in session descriptions in mid-call (RFC 3264, RFC 4566)."""

from __future__ import annotations

import re
from collections.abc import Sequence

STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722"}  # RFC 3551: payload types that need no rtpmap
_RTPMAP = re.compile(r"^a=rtpmap:(\d+) ([^/\s]+)/", re.MULTILINE)
_AUDIO = re.compile(r"^m=audio (\d+)(?:/\d+)? \S+ ([^\r\n]+)", re.MULTILINE)
_NO_ADDRESS = re.compile(r"^c=IN IP4 0\.0\.0\.0\s*$", re.MULTILINE)
_BOTH_WAYS = re.compile(r"^a=sendrecv(?=\s*$)", re.MULTILINE)


def speaks(offer: str, codecs: Sequence[str]) -> bool:
    """Is there an audio stream in the offer with a codec of `codecs`?"""
    named = STATIC | {kind: name.upper() for kind, name in _RTPMAP.findall(offer)}
    return any(
        port != "0" and any(named.get(kind) in codecs for kind in kinds.split())
        for port, kinds in _AUDIO.findall(offer)
    )


def holds_by_address(offer: str) -> bool:
    """Is it the hold of RFC 2543: send nothing, for there is no address to send to?"""
    return bool(_NO_ADDRESS.search(offer))


def receiving_only(answer: str) -> str:
    """The answer to such a hold: it says that nothing is sent. "sendrecv", which pjsip would
    write, makes carriers hang up."""
    return _BOTH_WAYS.sub("a=recvonly", answer)
