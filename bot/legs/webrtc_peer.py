"""One RTCPeerConnection: one network path to a browser, with its audio both ways.

aiortc negotiates, encrypts and keeps the RTCP statistics. Its own audio paths are bypassed: the
receiver's jitter buffer (80 ms, then a thread per call) is replaced by ours, and the sender is
given packets that are encoded already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import structlog
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtptransceiver import RTCRtpTransceiver

from bot.errors import LegError, StartError
from bot.legs import webrtc_ice
from bot.legs.opus import OpusPacket
from bot.legs.webrtc_inbound import Inbound
from bot.legs.webrtc_limits import limit_sources
from bot.legs.webrtc_sdp import PARSING, Offer, usable
from bot.legs.webrtc_teardown import CLOSE_S, taken_apart

log = structlog.get_logger(__name__)

JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
REFUSING = (*PARSING, InternalError, InvalidAccessError, InvalidStateError, OperationError)
MAX_CANDIDATES = 32  # each costs connectivity checks; browsers name a dozen
MDNS = ".local"

State = Literal["new", "up", "lost"]


async def check_libraries() -> None:
    """Raises StartError when aiortc or aioice lack a private part that is used here."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = connection.addTransceiver("audio")
    missing = webrtc_ice.unfit(_ice(transceiver))
    if not hasattr(transceiver.receiver, JITTER_BUFFER):
        missing.append(JITTER_BUFFER)
    if not hasattr(transceiver.receiver.transport, "_rtp_router"):
        missing.append("_rtp_router")
    await connection.close()
    if missing:
        raise StartError(
            f"this version of aiortc does not fit the bot (no {', '.join(missing)}): "
            "install the one in requirements.lock"
        )


def _ice(transceiver: RTCRtpTransceiver) -> Any:
    return transceiver.receiver.transport.transport.iceGatherer._connection


class _Outgoing(MediaStreamTrack):
    """Encoded packets on their way to aiortc's sender."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._asking: asyncio.Future[OpusPacket] | None = None
        self._ready: deque[OpusPacket] = deque(maxlen=5)  # a TURN server makes us wait
        self._wanted = False

    def push(self, packet: OpusPacket) -> None:
        waiting, self._asking = self._asking, None
        if waiting is not None and not waiting.done():
            waiting.set_result(packet)
        elif self._wanted:  # before that, what is said is gone
            self._ready.append(packet)

    async def recv(self) -> OpusPacket:
        if self.readyState != "live":
            raise MediaStreamError
        self._wanted = True
        if self._ready:
            return self._ready.popleft()
        self._asking = asyncio.get_running_loop().create_future()
        return await self._asking


class _Tap:
    """Stands where aiortc's jitter buffer was, and keeps nothing back for its decoder."""

    def __init__(self, inbound: Inbound, mid: str) -> None:
        self._jitter = inbound.jitter
        self._mid = mid
        self._now = asyncio.get_running_loop().time

    def add(self, packet: Any) -> tuple[bool, None]:
        if packet.extensions.mid in (None, self._mid):  # another track's uses the same codec
            self._jitter.add(
                packet.ssrc, packet.sequence_number, packet.timestamp, packet._data, self._now()
            )
        return False, None


class Peer:
    """`changed` is called whenever `state` is another; `found` with each late address of ours."""

    def __init__(
        self,
        servers: dict[str, Any],
        changed: Callable[[Peer], None],
        found: Callable[[Peer, RTCIceCandidate | None], None],
    ) -> None:
        self.state: State = "new"
        self.inbound = Inbound()
        self.offer: Offer | None = None
        self.heard_at = 0.0
        self._servers = servers
        self._changed = changed
        self._found = found
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._follow)
        self._track = _Outgoing()
        self._tasks: set[asyncio.Task[None]] = set()
        self._candidates = 0

    # ---- negotiation -----------------------------------------------------------------------

    async def accept(self, offer: Offer) -> str:
        """The answer to an offer of this peer's ICE session: the first, or a further one.
        Raises LegError when aiortc cannot take it."""
        try:
            return await self._accept(offer)
        except REFUSING:
            raise LegError("the offer cannot be answered") from None

    async def _accept(self, offer: Offer) -> str:
        connection = self._connection
        await connection.setRemoteDescription(RTCSessionDescription(offer.for_aiortc(), "offer"))
        (transceiver,) = connection.getTransceivers()
        first = self.offer is None
        self.offer = offer
        if first:
            self._attach(transceiver, offer.audio_mid)
        await connection.setLocalDescription(await connection.createAnswer())
        for candidate in offer.candidates:
            self.add(candidate)
        if first and self._servers:
            self._spawn(self._gather_late(_ice(transceiver)))
        return offer.answer(connection.localDescription.sdp)

    def _attach(self, transceiver: RTCRtpTransceiver, mid: str) -> None:
        """Our audio in place of aiortc's, before anything flows."""
        transceiver.direction = "sendrecv"
        transceiver.sender.replaceTrack(self._track)
        setattr(transceiver.receiver, JITTER_BUFFER, _Tap(self.inbound, mid))
        limit_sources(transceiver.receiver.transport._rtp_router)
        webrtc_ice.prepare(_ice(transceiver))
        webrtc_ice.watch(_ice(transceiver), self._heard)

    async def _gather_late(self, connection: Any) -> None:
        await webrtc_ice.gather_late(
            connection, self._servers, lambda each: self._found(self, each)
        )
        self._found(self, None)

    def add(self, candidate: RTCIceCandidate) -> None:
        """A way to reach the browser. Names that only its own network can resolve take a second
        or for ever, so nobody waits for them."""
        if self._candidates >= MAX_CANDIDATES or not usable(candidate) or self.state == "lost":
            return
        self._candidates += 1
        self._spawn(self._add(candidate))

    async def _add(self, candidate: RTCIceCandidate) -> None:
        (transceiver,) = self._connection.getTransceivers()
        try:
            await transceiver.receiver.transport.transport.addRemoteCandidate(candidate)
        except (OSError, ValueError) as error:  # no multicast here; not an address
            log.info("a browser's address is of no use", error=type(error).__name__)

    # ---- audio -----------------------------------------------------------------------------

    def send(self, packet: OpusPacket) -> None:
        if self.state == "up":
            self._track.push(packet)

    # ---- the connection --------------------------------------------------------------------

    def _heard(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    def quiet_s(self, now: float) -> float:
        """Seconds since the browser last sent audio or asked whether we are still there."""
        return now - max(self.heard_at, self.inbound.jitter.heard_at)

    def _follow(self) -> None:
        match self._connection.connectionState:
            case "connected":
                self._heard()
                self._become("up")
            case "failed" | "closed":
                self._become("lost")

    def _become(self, state: State) -> None:
        if state != self.state and self.state != "lost":
            self.state = state
            self._changed(self)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Tell the browser and free everything. Returns within a second, come what may."""
        self.state = "lost"
        for task in tuple(self._tasks):
            task.cancel()
        closing = asyncio.ensure_future(self._connection.close())
        await asyncio.wait([closing, *self._tasks], timeout=CLOSE_S)
        self._track.stop()
        taken_apart(self._connection)
