"""A caller through the web: an aiortc peer that paces itself, and a page's or program's signals.

It is a leg like any other. What carries offer and answer is handed over: a function in the same
process, or HTTP to a bot of its own (`over_http`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from bot.audio.frame import BUS_HZ, FRAME_S, Frame, silence
from bot.errors import LegError
from bot.legs.base import Delays, Digit, HangUp, Hold, LegEvent, LegInfo, LegStats, MediaChanged
from bot.legs.mailbox import Mailbox
from bot.legs.opus import LOOKAHEAD_S, OpusEncoder
from bot.legs.webrtc import LegRefused
from bot.legs.webrtc_inbound import Inbound
from bot.legs.webrtc_peer import JITTER_BUFFER

Signal = Callable[["WebPhone", str], Awaitable[str]]
SILENCE = silence().tobytes()


class _Mic(MediaStreamTrack):
    """Whatever the phone says, one payload a tick."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def recv(self) -> Any:
        packet = await self.queue.get()
        if packet is None:
            raise MediaStreamError
        return packet


class WebPhone:
    """`signal(phone, offer)` brings the offer to the bot and its answer back."""

    def __init__(self, signal: Signal, *, called: str = "1000", **configuration: Any) -> None:
        configuration.setdefault("iceServers", [])
        self.pc = RTCPeerConnection(RTCConfiguration(**configuration))
        self.arrivals: list[float] = []  # of each packet, in the loop's time
        self.departures: list[float] = []
        self._signal = signal
        self._mic = _Mic()
        self.pc.addTransceiver(self._mic, "sendrecv")
        self._info = LegInfo("webrtc", f"phone-{id(self):x}", "", called)
        self._encoder, self._inbound = OpusEncoder(), Inbound()
        self._box = Mailbox(SILENCE)
        self._events: list[LegEvent] = []
        self._ended: str | None = None
        self._up = asyncio.Event()
        self._over = asyncio.Event()
        self._refused: LegError | None = None
        self._clock: asyncio.Task[None] | None = None
        self._frames_in = self._frames_lost = 0
        self.on_digits: Callable[[str], None] | None = None
        self.on_hang_up: Callable[[], Awaitable[None] | None] | None = None
        self.pc.on("connectionstatechange", self._changed)
        self.next_tick = 0.0

    # ---- signalling

    async def offer(self) -> str:
        """Our offer. aiortc gathers its candidates before it returns."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def dial(self) -> None:
        """Send the offer, take the answer. Refusals are kept for `answered`."""
        try:
            answer = await self._signal(self, await self.offer())
        except LegError as error:
            if self._ended is None:  # else it is our own hang-up that comes back
                self._refused = error
                await self._end(f"failed: {error}")
            return
        if self._ended is None:
            await self.take_answer(answer)

    async def take_answer(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        sink = self._sink()
        for each in self.pc.getTransceivers():
            setattr(each.receiver, JITTER_BUFFER, sink)

    def _sink(self) -> Any:
        loop, arrivals = asyncio.get_running_loop(), self.arrivals
        jitter = self._inbound.jitter

        class Sink:
            def add(self, packet: Any) -> tuple[bool, None]:
                now = loop.time()
                arrivals.append(now)
                jitter.add(
                    packet.ssrc, packet.sequence_number, packet.timestamp, packet.payload, now
                )
                return False, None

        return Sink()

    def _changed(self) -> None:
        if self.pc.connectionState == "connected":
            if self._clock is None:
                self._events.append(MediaChanged("opus", BUS_HZ))
                self._info = LegInfo("webrtc", self._info.leg_id, "", self._info.called, "",
                                     "opus", BUS_HZ)  # fmt: skip
                self._clock = asyncio.ensure_future(self._run())
            self._up.set()
        elif self.pc.connectionState in ("closed", "failed") and self._ended is None:
            self._ended = "caller"
            self._over.set()
            self._box.wake.set()

    async def answered(self, timeout: float = 60.0) -> None:
        """Wait until audio flows. Raises LegError when the call was refused or not taken."""
        waits = [asyncio.ensure_future(each.wait()) for each in (self._up, self._over)]
        done, pending = await asyncio.wait(
            waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        for each in pending:
            each.cancel()
        if self._refused is not None:
            raise self._refused
        if not done:
            await self.hang_up()
            raise LegError(f"no connection within {timeout:g} s")
        if not self._up.is_set():
            raise LegError(self._ended or "over")

    # ---- a leg

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
            frames_dropped=self._box.dropped_in + self._box.dropped_out,
            underruns=self._box.underruns,
            rtp_received=self._inbound.jitter.received,
            rtp_lost=self._inbound.jitter.lost,
        )

    @property
    def delays(self) -> Delays:
        ahead = max(0, len(self._box.outbound) - 1) * FRAME_S
        to_tick = max(0.0, self.next_tick - asyncio.get_running_loop().time())
        return Delays(self._inbound.delay_s, to_tick + ahead + LOOKAHEAD_S)

    def events(self) -> list[LegEvent]:
        news, self._events = self._events, []
        return news

    def hold(self, on: bool) -> None:
        self._events.append(Hold(on))

    def pressed(self, digits: str) -> None:
        """The bot pressed keys on our line."""
        self._events.extend(Digit(each, "web") for each in digits)

    async def frames(self) -> AsyncIterator[Frame]:
        box = self._box
        while True:
            while box.inbound:
                pcm = box.inbound.popleft()
                self._frames_in += 1
                self._frames_lost += pcm is None
                yield np.frombuffer(pcm or SILENCE, np.int16).copy()
            if self._ended is not None:
                return
            box.wake.clear()
            await box.wake.wait()

    def write(self, frame: Frame) -> None:
        if self._ended is None:
            self._box.put(frame.tobytes())

    def flush(self) -> float:
        return self._box.flush()

    async def send_digits(self, digits: str) -> None:
        if self._ended is None and self.on_digits is not None:
            self.on_digits(digits)

    async def transfer(self, target: str) -> None:
        raise LegError("a browser cannot be transferred")

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        if self._ended is None:
            await self._end("bot")

    async def _end(self, who: str) -> None:
        self._ended = who
        self._over.set()
        self._box.wake.set()
        told = self.on_hang_up() if self.on_hang_up is not None else None
        if told is not None:
            await told
        await self.close()

    async def close(self) -> None:
        """Leave without a word, as a browser whose page is closed does."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        self._mic.queue.put_nowait(None)
        self.pc.remove_all_listeners()
        await self.pc.close()

    async def _run(self) -> None:
        """20 ms at a time: our voice out, the bot's in."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._ended is None:
            self.departures.append(loop.time())
            pcm = self._box.next_out() or SILENCE
            self._mic.queue.put_nowait(self._encoder.encode(pcm))
            self._box.arrived, _ = self._inbound.frame(loop.time())
            self._box.end_tick()
            self._box.wake.set()
            due += FRAME_S
            self.next_tick = due
            await asyncio.sleep(max(0.0, due - loop.time()))


async def over_http(base: str, *, number: str = "1000", session: aiohttp.ClientSession) -> WebPhone:
    """A phone that has called the bot at `base`; its `call` is the API's id of the call."""

    async def signal(phone: WebPhone, offer: str) -> str:
        sent = {"sdp": offer, "number": number}
        async with session.post(f"{base}/api/webrtc/offer", json=sent) as answer:
            told = await answer.json()
            if answer.status != 200:
                raise LegRefused(HangUp.BUSY if answer.status == 503 else HangUp.NOT_FOUND)
        phone.call_id = told["call_id"]  # type: ignore[attr-defined]
        path = f"{base}/api/calls/{told['id']}"

        async def leave() -> None:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.delete(path):
                    pass

        phone.on_hang_up = leave
        return str(told["sdp"])

    phone = WebPhone(signal, called=number)
    await phone.dial()
    return phone
