"""A browser as a `Leg`. Its peer connection may be replaced while the call goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import numpy as np
from aiortc.sdp import SessionDescription

from bot.audio.frame import FRAME_S, Frame, silence
from bot.errors import LegError
from bot.legs.base import Delays, Digit, HangUp, Hold, LegEvent, LegInfo, LegStats, MediaChanged
from bot.legs.mailbox import Mailbox
from bot.legs.opus import LOOK_AHEAD_S, OpusDecoder, OpusEncoder
from bot.legs.webrtc_clock import Clock
from bot.legs.webrtc_ice import IceServers
from bot.legs.webrtc_jitter import JitterBuffer
from bot.legs.webrtc_peer import Peer, TellCandidate, parse_offer, ufrag_of

SILENCE = silence().tobytes()
QUIET_S = 8.0  # without a packet: the browser is gone, also if ICE has not noticed yet


class AllLinesBusy(LegError):
    """This process carries as many calls as it may."""


class LegRefused(LegError):
    """The call was not taken."""

    def __init__(self, reason: HangUp) -> None:
        self.reason = reason
        super().__init__(f"refused: {reason}")


class WebRtcLeg:
    """See `bot.legs.base.Leg`. `on_…` are called in the event loop."""

    def __init__(
        self,
        offer: SessionDescription,
        info: LegInfo,
        servers: IceServers,
        reconnect_s: float,
        clock: Clock,
    ) -> None:
        self.on_candidate: TellCandidate | None = None
        self.on_digits: Callable[[str], None] | None = None
        self.on_connection: Callable[[bool], None] | None = None
        self._offer, self._info = offer, info
        self._servers, self._reconnect_s, self._clock = servers, reconnect_s, clock
        loop = asyncio.get_running_loop()
        self._time = loop.time
        self._answer: asyncio.Future[str] = loop.create_future()
        self._answer.add_done_callback(_look)
        self._box = Mailbox(SILENCE)
        self._encoder, self._jitter = OpusEncoder(), JitterBuffer(OpusDecoder().decode)
        self._peer: Peer | None = None  # whose audio is heard
        self._next: Peer | None = None  # one that is to take over
        self._closing: set[asyncio.Task[None]] = set()
        self._events: list[LegEvent] = []
        self._ended: str | None = None
        self._answered = self._held = False
        self._lost_at: float | None = None  # since when there has been no connection
        self._packet_at = 0.0
        self._frames_in = self._frames_lost = 0

    # ---- what is known

    @property
    def info(self) -> LegInfo:
        return self._info

    @property
    def ended(self) -> str | None:
        return self._ended

    @property
    def stats(self) -> LegStats:
        return LegStats(
            frames_in=self._frames_in,
            frames_lost=self._frames_lost,
            frames_dropped=self._box.dropped_in + self._box.dropped_out + self._jitter.dropped,
            underruns=self._box.underruns,
            rtp_received=self._jitter.received,
            rtp_lost=self._jitter.lost,
        )

    @property
    def delays(self) -> Delays:
        ahead = max(0, len(self._box.outbound) - 1) * FRAME_S
        return Delays(
            inbound=self._jitter.wait_s,
            outbound=self._clock.to_next_tick() + ahead + LOOK_AHEAD_S,
        )

    def events(self) -> list[LegEvent]:
        news, self._events = self._events, []
        return news

    # ---- audio

    async def frames(self) -> AsyncIterator[Frame]:
        box = self._box
        while True:
            while box.inbound:
                pcm = box.inbound.popleft()
                self._frames_in += 1
                self._frames_lost += pcm is None
                yield np.frombuffer(pcm or SILENCE, np.int16)
            if self._ended is not None:
                return
            box.wake.clear()
            await box.wake.wait()

    def write(self, frame: Frame) -> None:
        if self._ended is None:
            self._box.put(frame.tobytes())

    def flush(self) -> float:
        return self._box.flush()

    def send_tick(self) -> None:
        """The clock: what is queued leaves now."""
        if not self._answered:
            return
        pcm = self._box.next_out() or SILENCE
        if self._peer is not None and self._peer.up:
            self._peer.send(self._encoder.encode(np.frombuffer(pcm, np.int16)))

    def receive_tick(self, now: float) -> None:
        """The clock: what came is one frame."""
        if not self._answered:
            return
        frame = self._jitter.take(now)
        self._box.arrived = None if frame is None else frame.tobytes()
        self._box.end_tick()
        self._watch(now)
        self._box.wake.set()

    def _packet(self, source: int, sequence: int, payload: bytes) -> None:
        self._packet_at = self._time()
        self._jitter.add(source, sequence, payload, self._packet_at)

    # ---- the connection

    def _watch(self, now: float) -> None:
        """Is anybody there? A browser that is gone is waited for, on hold."""
        there = self._peer is not None and self._peer.up
        if there and now - self._packet_at < QUIET_S:
            self._lost_at = None
            if self._held:
                self._hold(False)
            return
        if self._lost_at is None:
            self._lost_at = now
        if self._packet_at and not self._held:
            self._hold(True)
        if now - self._lost_at > self._reconnect_s:
            self._end("failed: connection lost")

    def _hold(self, on: bool) -> None:
        self._held = on
        self._events.append(Hold(on))
        if self.on_connection is not None:
            self.on_connection(not on)

    def _connected(self, peer: Peer, up: bool) -> None:
        if not up:
            if peer is self._next:
                self._next = None
                self._close(peer)
            return
        self._packet_at = self._time()
        if peer is self._next:
            old, self._peer, self._next = self._peer, peer, None
            if old is not None:
                self._close(old)
        if self.on_connection is not None and not self._held:
            self.on_connection(True)

    def _make_peer(self) -> Peer:
        return Peer(self._servers, self._packet, self._connected, self._candidate)

    def _candidate(self, text: str | None, mid: str, line: int) -> None:
        if self.on_candidate is not None:
            self.on_candidate(text, mid, line)

    async def answer(self) -> None:
        if self._ended is not None:
            raise LegError("the caller has gone")
        if self._answered:
            return
        peer = self._peer = self._make_peer()
        try:
            sdp = await peer.answer(self._offer)
        except LegError as error:
            if not self._answer.done():
                self._answer.set_exception(error)
            self._end("failed: no agreement")
            raise
        if self._ended is not None:
            raise LegError("the caller has gone")
        self._answered = True
        self._events.insert(0, MediaChanged(self._info.codec, self._info.codec_hz))
        if not self._answer.done():
            self._answer.set_result(sdp)
        self._clock.open(self)

    async def negotiated(self) -> str:
        """The answer, once there is one. Raises LegRefused, or LegError for an SDP that is no
        good."""
        return await asyncio.shield(self._answer)

    async def renegotiate(self, sdp: str) -> str:
        """The answer to a further offer; frames never stop. Raises LegError."""
        offer = parse_offer(sdp)
        await self.negotiated()
        if self._ended is not None:
            raise LegError("the call is over")
        for peer in (self._next, self._peer):
            if peer is not None and peer.ufrag == ufrag_of(offer):
                return await peer.answer(offer)
        if self._next is not None:
            self._close(self._next)
        peer = self._next = self._make_peer()
        try:
            return await peer.answer(offer)
        except LegError:
            self._next = None
            self._close(peer)
            raise

    async def add_candidate(self, candidate: str | None, mid: str | None, line: int | None) -> None:
        """A way to the browser; None: no more. Raises LegError when it cannot be read."""
        with contextlib.suppress(LegRefused):
            await self.negotiated()
        peer = self._next or self._peer
        if peer is not None and self._ended is None:
            await peer.add_candidate(candidate, mid, line)

    # ---- the call

    def press(self, digit: str) -> None:
        """The browser's keypad."""
        if self._ended is None:
            self._events.append(Digit(digit, "web"))

    async def send_digits(self, digits: str) -> None:
        if self._ended is None and self.on_digits is not None:
            self.on_digits(digits)

    async def transfer(self, target: str) -> None:
        raise LegError("a browser cannot be transferred")

    def leave(self) -> None:
        """The caller hung up, by signalling."""
        self._end("caller" if self._answered else "cancelled")

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        if self._ended is None:
            if not self._answer.done():
                self._answer.set_exception(LegRefused(reason))
            self._end("bot")
        if self._closing:
            await asyncio.wait(set(self._closing))

    def _end(self, who: str) -> None:
        if self._ended is not None:
            return
        self._ended = who
        if not self._answer.done():
            self._answer.set_exception(LegRefused(HangUp.NORMAL))
        self._clock.close(self)
        for peer in (self._peer, self._next):
            if peer is not None:
                self._close(peer)
        self._peer = self._next = None
        self.on_candidate = self.on_digits = self.on_connection = None
        self._box.wake.set()

    def _close(self, peer: Peer) -> None:
        task = asyncio.get_running_loop().create_task(peer.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _look(answer: asyncio.Future[str]) -> None:
    """A refusal nobody waits for is no accident."""
    if not answer.cancelled():
        answer.exception()
