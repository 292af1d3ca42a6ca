"""One connection to a browser, on aiortc: SDP, ICE, DTLS, and payloads in and out.

aiortc's own way for received audio (80 ms of packets held back, a decoder thread, a hop between
threads for each frame) is left aside: an object in place of its jitter buffer takes the packets,
so that its statistics and reports stay and nothing is queued that nobody reads. What is sent is
encoded by us and handed over as packets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import av
from aiortc import (
    RTCConfiguration,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RtpPacket
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp

from bot.audio.frame import FRAME_SAMPLES
from bot.errors import LegError, StartError
from bot.legs.opus import TIME_BASE
from bot.legs.webrtc_ice import IceServers, late_candidates

JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
MOST_UNSENT = 3  # payloads; the network takes them at once
MOST_MEDIA = 8  # sections of an offer: each may cost sockets
CLOSE_S = 1.0
UP, GONE = ("connected",), ("failed", "closed", "disconnected")
NO_SDP = (
    ValueError, AssertionError, IndexError, KeyError, TypeError, AttributeError, StopIteration,
    OverflowError, InvalidAccessError, InvalidStateError, OperationError,
)  # fmt: skip
"""What aiortc raises when it reads what is no offer."""

TakePacket = Callable[[int, int, bytes], None]  # source, sequence number, payload
TellCandidate = Callable[[str | None, str, int], None]  # text (None: no more), mid, line


async def check_aiortc() -> None:
    """Raises StartError when the installed aiortc is not built as this file needs it."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    known = hasattr(pc.addTransceiver("audio").receiver, JITTER_BUFFER)
    await pc.close()
    if not known:
        raise StartError(
            "aiortc: its receiver has no jitter buffer where it is expected. Install the version "
            "that requirements.lock names."
        )


def parse_offer(sdp: str) -> SessionDescription:
    """The description. Raises LegError when it is none or has no audio in Opus."""
    try:
        offer = SessionDescription.parse(sdp)
    except NO_SDP:
        raise LegError("The SDP cannot be read.") from None
    if len(offer.media) > MOST_MEDIA:
        raise LegError("The SDP has too many media.")
    audio = _audio(offer)
    if audio.ice is None or not audio.ice.usernameFragment or not audio.ice.password:
        raise LegError("The SDP has no ICE credentials.")
    if audio.dtls is None or not audio.dtls.fingerprints:
        raise LegError("The SDP has no DTLS fingerprint.")
    return offer


def _audio(offer: SessionDescription) -> MediaDescription:
    for media in offer.media:
        if media.kind == "audio" and any(c.name.lower() == "opus" for c in media.rtp.codecs):
            return media
    raise LegError("The SDP offers no audio in Opus.")


def ufrag_of(offer: SessionDescription) -> str:
    """Names an ICE session: another one is a restart (RFC 8445 section 9)."""
    ice = _audio(offer).ice
    return str(ice.usernameFragment) if ice is not None else ""


class _Sink:
    """Stands where aiortc keeps its jitter buffer."""

    def __init__(self, take: TakePacket | None) -> None:
        self.take = take

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        if self.take is not None:
            self.take(packet.ssrc, packet.sequence_number, packet.payload)
        return False, None  # no picture is lost, no frame is complete


class _Voice(MediaStreamTrack):
    """Our payloads, as aiortc asks for them."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._queue: asyncio.Queue[av.Packet[Any] | None] = asyncio.Queue()
        self._at = 0

    def put(self, payload: bytes) -> None:
        self._at += FRAME_SAMPLES
        if self._queue.qsize() >= MOST_UNSENT:
            self._queue.get_nowait()
        packet = av.Packet(payload)
        packet.pts, packet.time_base = self._at, TIME_BASE
        self._queue.put_nowait(packet)

    async def recv(self) -> av.Packet[Any]:
        packet = await self._queue.get()
        if packet is None:
            raise MediaStreamError
        return packet

    def stop(self) -> None:
        super().stop()
        self._queue.put_nowait(None)


class Peer:
    """`take` gets what comes in, `connected` tells when it is up (True) and lost (False)."""

    def __init__(
        self,
        servers: IceServers,
        take: TakePacket,
        connected: Callable[[Peer, bool], None],
        tell: TellCandidate,
    ) -> None:
        self.up = False
        self.ufrag = ""
        self._servers, self._take, self._connected, self._tell = servers, take, connected, tell
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # none: Google's is asked
        self._pc.on("connectionstatechange", self._changed)
        self._voice = _Voice()
        self._main: RTCRtpTransceiver | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._closed = False

    async def answer(self, offer: SessionDescription) -> str:
        """The SDP answer to a first or further offer. Raises LegError."""
        first, names = self._main is None, _without_names(offer)
        self.ufrag = ufrag_of(offer)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(str(offer), "offer"))
            self._arrange()
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except NO_SDP:
            raise LegError("The SDP cannot be answered.") from None
        for candidate, media in names:
            self._start(self._add(candidate, media.rtp.muxId, None))
        if first and (self._servers.stun or self._servers.turn):
            self._start(self._ask_servers())
        return str(self._pc.localDescription.sdp)

    def _arrange(self) -> None:
        """Our voice goes where Opus comes from; whatever else is offered stays unused."""
        for each in self._pc.getTransceivers():
            opus = [c for c in each._codecs if c.mimeType.lower() == "audio/opus"]
            if self._main is None and each.kind == "audio" and opus:
                self._main = each
                each.sender.replaceTrack(self._voice)
            mine = each is self._main
            if mine:
                each._codecs = opus  # else the browser's first choice would be sent
                each.direction = "sendrecv"
            else:
                each.direction = "inactive"
            setattr(each.receiver, JITTER_BUFFER, _Sink(self._take if mine else None))

    async def _ask_servers(self) -> None:
        assert self._main is not None
        mid, line = str(self._main.mid), int(self._main._get_mline_index() or 0)
        gatherer = self._main.receiver.transport.transport.iceGatherer
        await late_candidates(gatherer, self._servers, lambda text: self._tell(text, mid, line))
        self._tell(None, mid, line)

    async def add_candidate(self, text: str | None, mid: str | None, line: int | None) -> None:
        """A way to the browser. Raises LegError when it cannot be read."""
        if not text:
            return  # "no more" is of no use to us: later checks may still come
        try:
            candidate = candidate_from_sdp(text.removeprefix("candidate:"))
        except NO_SDP:
            raise LegError("The candidate cannot be read.") from None
        self._start(self._add(candidate, mid, line))

    async def _add(self, candidate: RTCIceCandidate, mid: str | None, line: int | None) -> None:
        """In the background: a name of mDNS is looked up for a second."""
        candidate.sdpMid, candidate.sdpMLineIndex = mid, line
        try:
            await self._pc.addIceCandidate(candidate)
        except NO_SDP:
            return  # for a section we know nothing of

    def send(self, payload: bytes) -> None:
        if self.up:
            self._voice.put(payload)

    def _changed(self) -> None:
        state = self._pc.connectionState
        if state in UP and not self.up:
            self.up = True
            self._connected(self, True)
        elif state in GONE and not self._closed:
            self.up = False
            self._connected(self, False)

    async def close(self) -> None:
        """Returns within a second, whatever the far side does."""
        if self._closed:
            return
        self._closed, self.up = True, False
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pc.close(), CLOSE_S)
        for each in self._pc.getTransceivers():
            setattr(each.receiver, JITTER_BUFFER, _Sink(None))
        self._pc.remove_all_listeners()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _without_names(offer: SessionDescription) -> list[tuple[RTCIceCandidate, MediaDescription]]:
    """Take candidates with a name of mDNS out of the offer; they are added in the background."""
    taken = []
    for media in offer.media:
        named = [each for each in media.ice_candidates if each.ip.endswith(".local")]
        media.ice_candidates = [each for each in media.ice_candidates if each not in named]
        taken += [(each, media) for each in named]
    return taken
