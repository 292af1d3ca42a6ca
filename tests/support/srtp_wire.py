"""A caller's SRTP on a socket of its own, by libsrtp and not by the bot's stack."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import struct
from typing import Any, Self

import numpy as np
from pylibsrtp import Error, Policy, Session

from tests.support.g711 import PCMU, Pcm
from tests.support.rtp_wire import Packet, parsed
from tests.support.sip_wire import WireCall

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class SecureRtp(asyncio.DatagramProtocol):
    """`offer` goes into a WirePhone's `sdp`; `begin` after the answer."""

    def __init__(self, suite: str = "AES_CM_128_HMAC_SHA1_80", profile: str = "RTP/SAVP") -> None:
        self.suite, self.profile = suite, profile
        self.key = os.urandom(30)
        self.raw: list[bytes] = []
        self.heard: list[Packet] = []
        self.forged = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._line, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._line.close()

    def offer(self, sdp: str) -> str:
        port = self._line.get_extra_info("sockname")[1]
        key = base64.b64encode(self.key).decode()
        sdp = re.sub(r"m=audio \d+ RTP/AVP", f"m=audio {port} {self.profile}", sdp)
        return sdp.replace("a=send", f"a=crypto:1 {self.suite} inline:{key}\r\na=send")

    def begin(self, call: WireCall) -> None:
        """Take the bot's key from its answer."""
        body = call.final_response.body
        found = re.search(r"a=crypto:1 (\S+) inline:(\S+)", body)
        assert found and found[1] == self.suite, body
        self.their_key = base64.b64decode(found[2])
        profile = SUITES[self.suite]
        inbound = Policy(self.their_key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        outbound = Policy(self.key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        self._in, self._out = Session(inbound), Session(outbound)
        self._target = ("127.0.0.1", int(re.search(r"m=audio (\d+)", body)[1]))
        call.rtp.mute()  # its own socket has no part in this

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.raw.append(data)
        try:
            packet = parsed(0, self._in.unprotect(data))
        except Error:
            self.forged += 1
            return
        if packet:
            self.heard.append(packet)

    async def say(self, pcm: Pcm) -> None:
        """8 kHz int16, in packets of 20 ms and in real time."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for index in range(len(pcm) // 160):
            head = struct.pack("!BBHII", 0x80, 0, index, index * 160, 0x5EC2E7)
            body = PCMU.encode(pcm[index * 160 : (index + 1) * 160])
            self._line.sendto(self._out.protect(head + body), self._target)
            await asyncio.sleep(begun + (index + 1) * 0.02 - loop.time())

    def audio(self) -> Pcm:
        return np.concatenate([PCMU.decode(p.payload) for p in self.heard if not p.payload_type])
