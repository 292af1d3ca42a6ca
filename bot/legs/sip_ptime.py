"""How much audio goes into a packet of ours: as much as the far side asks for (a=ptime).

pjsip sends packets of one length to everybody, the one its codecs are set to when a stream is made.
So they are set to what an SDP asks for right before a stream is made of it.
"""

from __future__ import annotations

import re

import pjsua2 as pj

from bot.legs.sip_sdp import sections
from bot.legs.sip_setup import CODEC_IDS

USUAL_MS = 20  # RFC 3551 section 4.2
STEP_MS, MOST_MS = 10, 60

_PTIME = re.compile(rb"^a=ptime:(\d{1,4})\b", re.MULTILINE)
_MAXPTIME = re.compile(rb"^a=maxptime:(\d{1,4})\b", re.MULTILINE)


def packet_ms(sdp: bytes) -> int:
    """What the first audio of `sdp` asks for, in whole 10 ms and at most 60 (RFC 8866, section 6:
    a recommendation and a limit)."""
    for begin, end in sections(sdp):
        if sdp.startswith(b"m=audio", begin):
            asked, limit = _PTIME.search(sdp, begin, end), _MAXPTIME.search(sdp, begin, end)
            wanted = int(asked[1]) if asked else USUAL_MS
            most = int(limit[1]) if limit else MOST_MS
            return max(STEP_MS, min(wanted, most, MOST_MS) // STEP_MS * STEP_MS)
    return USUAL_MS


class PacketTime:
    """What the codecs are set to at the moment. SIP thread only."""

    def __init__(self, endpoint: pj.Endpoint) -> None:
        self._endpoint = endpoint
        self._set_ms = 0

    def follow(self, sdp: bytes) -> None:
        """A stream is about to be made of `sdp`."""
        wanted = packet_ms(sdp)
        if wanted == self._set_ms:
            return
        self._set_ms = wanted
        for codec in CODEC_IDS.values():
            param = self._endpoint.codecGetParam(codec)
            param.setting.frmPerPkt = wanted // param.info.frameLen
            self._endpoint.codecSetParam(codec, param)
