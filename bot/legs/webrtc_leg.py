"""A browser's party as a `Leg`: it outlives the network paths (`Peer`) that carry it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
from aiortc import RTCIceCandidate

from bot.audio.frame import BUS_HZ, FRAME_S, Frame, silence
from bot.errors import LegError
from bot.legs.base import (
    Delays,
    Digit,
    HangUp,
    Hold,
    LegEvent,
    LegInfo,
    LegStats,
    MediaChanged,
)
from bot.legs.mailbox import Mailbox
from bot.legs.opus import LOOKAHEAD_S, OpusEncoder
from bot.legs.webrtc_clock import LoopClock
from bot.legs.webrtc_paths import Paths
from bot.legs.webrtc_sdp import Offer, candidate_text, parse_candidate, parse_offer

CODEC = "opus"
LOST = "failed: connection lost"

REFUSED = {
    403: HangUp.DECLINED,
    404: HangUp.NOT_FOUND,
    410: HangUp.NOT_FOUND,
    480: HangUp.BUSY,
    486: HangUp.BUSY,
    503: HangUp.UNAVAILABLE,
    600: HangUp.BUSY,
    603: HangUp.DECLINED,
    604: HangUp.NOT_FOUND,
}


class LegRefused(LegError):
    """We did not take the browser's call; `reason` says why."""

    def __init__(self, reason: HangUp) -> None:
        self.reason = reason
        super().__init__(f"refused: {reason}")


class House(Protocol):
    """What a leg needs of its endpoint."""

    clock: LoopClock

    def paths(self, leg: WebRtcLeg) -> Paths: ...

    def left(self, leg: WebRtcLeg) -> None: ...


class WebRtcLeg:
    """See `bot.legs.base.Leg`. The `on_...` are called in the event loop; set them before the
    answer: `on_candidate` with our late addresses (None: no more), `on_digits` with what
    `send_digits` wants the page to do, `on_connection` when media is up or lost."""

    def __init__(self, house: House, offer: Offer, info: LegInfo) -> None:
        self.on_candidate: Callable[[str | None, str, int], None] | None = None
        self.on_digits: Callable[[str], None] | None = None
        self.on_connection: Callable[[bool], None] | None = None
        self._house = house
        self._clock = house.clock
        self._offer = offer
        self._info = info
        self._box = Mailbox(silence().tobytes())
        self._encoder = OpusEncoder()
        self._paths = house.paths(self)
        self._early: list[RTCIceCandidate] = []  # before there is a path to add them to
        self._events: list[LegEvent] = []
        self._ended: str | None = None
        self._refusal = HangUp.NORMAL
        self._accepting = asyncio.Lock()
        self._answered = False
        self._answer = ""
        self._settled = asyncio.Event()  # answered, or over
        self._frames_in = self._frames_lost = 0
        self._lost_ticks = 0

    # ---- what is known -------------------------------------------------------------------

    @property
    def info(self) -> LegInfo:
        return self._info

    @property
    def ended(self) -> str | None:
        return self._ended

    @property
    def stats(self) -> LegStats:
        received, lost = self._paths.counts
        return LegStats(
            frames_in=self._frames_in,
            frames_lost=min(self._lost_ticks, self._frames_in),
            frames_dropped=self._box.dropped_in + self._box.dropped_out,
            underruns=self._box.underruns,
            rtp_received=received,
            rtp_lost=lost,
        )

    @property
    def delays(self) -> Delays:
        """Inbound as measured, smoothed; outbound of the frame written last, or of one written
        now to an empty queue."""
        ahead = max(0, len(self._box.outbound) - 1) * FRAME_S
        return Delays(
            inbound=self._paths.delay_s,
            outbound=self._clock.to_next_tick() + ahead + LOOKAHEAD_S,
        )

    def events(self) -> list[LegEvent]:
        news, self._events = self._events, []
        return news

    # ---- audio -----------------------------------------------------------------------------

    async def frames(self) -> AsyncIterator[Frame]:
        box = self._box
        while True:
            while box.inbound:
                pcm = box.inbound.popleft()
                self._frames_in += 1
                yield silence() if pcm is None else np.frombuffer(pcm, np.int16).copy()
            if self._ended is not None:
                return
            box.wake.clear()
            await box.wake.wait()

    def write(self, frame: Frame) -> None:
        if self._ended is None:
            self._box.put(frame.tobytes())

    def flush(self) -> float:
        return self._box.flush()

    def send_frame(self) -> None:
        """Clock: 20 ms leave, silence when nothing is there, so that the stream never stops."""
        pcm = self._box.next_out()
        self._paths.send(self._encoder.encode(self._box.silence if pcm is None else pcm))

    def take_frame(self, now: float) -> None:
        """Clock: this tick's inbound frame."""
        self._box.arrived, lost = self._paths.frame(now)
        self._lost_ticks += lost
        self._box.end_tick()
        self._box.wake.set()

    # ---- the call --------------------------------------------------------------------------

    async def answer(self) -> None:
        if self._ended is not None:
            raise LegError("the caller has gone")
        if self._answered:
            return
        self._answered = True
        self._info = replace(self._info, codec=CODEC, codec_hz=BUS_HZ)
        self._events.append(MediaChanged(CODEC, BUS_HZ))
        async with self._accepting:
            try:
                answer = await self._paths.accept(self._offer, self._early)
            except LegError:
                self.end("failed: bad offer")
                raise
        if self._ended is not None:
            raise LegError("the caller has gone")
        self._answer = answer
        self._settled.set()

    async def negotiated(self) -> str:
        """The answer for the browser, once there is one. Raises LegRefused, or LegError when
        the caller gave up."""
        await self._settled.wait()
        if self._answer:
            return self._answer
        if self._ended == "bot":
            raise LegRefused(self._refusal)
        raise LegError(self._ended or "no answer")

    async def renegotiate(self, sdp: str) -> str:
        """A further offer in the room: the same session's, or a new one's that takes over once
        it is connected. Raises LegError; the call goes on then."""
        offer = parse_offer(sdp)
        if self._ended is not None:
            raise LegError("the call is over")
        if not self._answered:  # a page that was loaded again while it rang
            self._offer, self._early = offer, []
            return await self.negotiated()
        async with self._accepting:
            return await self._paths.accept(offer, [])

    async def add_candidate(self, candidate: str | None, mid: str | None, line: int | None) -> None:
        """A way to reach the browser; None or "" when there are no more. Raises LegError."""
        parsed = parse_candidate(candidate or "", mid, line)
        if parsed is None or self._ended is not None:
            return
        if self._answered:
            self._paths.add(parsed)
        elif len(self._early) < 64:
            self._early.append(parsed)

    def press(self, digit: str) -> None:
        """A key of the page's keypad."""
        if self._ended is None:
            self._events.append(Digit(digit, "web"))

    async def send_digits(self, digits: str) -> None:
        if self._ended is None and self.on_digits is not None:
            self.on_digits(digits)

    async def transfer(self, target: str) -> None:
        """Always refused: a browser has no line of its own to call `target` with."""
        raise LegError("a browser's call cannot be transferred")

    async def early(self) -> bool:
        """Never: the page shows that it rings."""
        return False

    async def refuse(self, code: int, reason: str = "", contact: str = "") -> None:
        """A page has no words for more than busy, nobody there, and forbidden."""
        await self.hang_up(REFUSED.get(code, HangUp.FAILED))

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        if self._ended is None:
            self._refusal = reason
            self.end("bot")
        await self._paths.closed()

    def leave(self) -> None:
        """The caller hung up, by signalling."""
        self.end("caller" if self._answered else "cancelled")

    # ---- told by the paths -----------------------------------------------------------------

    def connection(self, up: bool, *, again: bool) -> None:
        """Media is up or lost; `again` when it had been up before.

        The first time frames begin: what was said before would not be heard.
        """
        if self._ended is not None:
            return
        if up and not again:
            self._clock.open(self)
        if again:
            self._events.append(Hold(not up))
        if self.on_connection is not None:
            self.on_connection(up)

    def found(self, candidate: RTCIceCandidate | None, mid: str, line: int) -> None:
        if self._ended is None and self.on_candidate is not None:
            text = None if candidate is None else candidate_text(candidate)
            self.on_candidate(text, mid, line)

    def lost(self) -> None:
        """Nobody came back in time."""
        self.end(LOST)

    def end(self, who: str) -> None:
        if self._ended is not None:
            return
        self._ended = who
        self._clock.close(self)
        self._settled.set()
        self._box.wake.set()
        self._paths.close()
        self.on_candidate = self.on_digits = self.on_connection = None
        self._house.left(self)
