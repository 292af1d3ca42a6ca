"""A caller with a browser, played by aiortc in this process: a `Leg` seen from the other side.

    phone = WebRtcPhone(caller="alice")
    leg = await phone.dial(endpoint, "1000")     # rings
    await leg.answer()
    await phone.answered()
    async for frame in phone.frames(): phone.write(...)

It keeps its own 20 ms, uses aiortc's own codec and jitter buffer, and knows when each RTP packet
came and left. `reoffer` negotiates anew on the same connection, `reconnect` does what a browser
does after a change of network: a new connection takes over while the old one lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Frame, silence
from bot.errors import LegError
from bot.legs.base import Digit, HangUp, LegEvent, LegInfo, LegStats, MediaChanged
from bot.legs.mailbox import Mailbox
from bot.legs.webrtc import WebRtcEndpoint, WebRtcLeg
from bot.legs.webrtc_ice import IceServers

MAX_HEARD = 10  # frames that wait for the phone's tick


@dataclass(frozen=True, slots=True)
class RtpSeen:
    """One RTP packet, as it came or left."""

    at: float  # seconds, time.time()
    seq: int
    timestamp: int
    ssrc: int
    size: int  # of the payload, bytes; when it left, of the whole packet


class Microphone(MediaStreamTrack):
    """What the phone says, one frame per tick of the phone."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=5)
        self._count = 0

    def put(self, pcm: bytes) -> None:
        if self.said.full():  # not connected yet
            self.said.get_nowait()
        self.said.put_nowait(pcm)

    async def recv(self) -> av.AudioFrame:
        pcm = await self.said.get()
        if pcm is None:
            raise MediaStreamError
        frame = av.AudioFrame(format="s16", layout="stereo", samples=FRAME_SAMPLES)
        frame.planes[0].update(np.repeat(np.frombuffer(pcm, np.int16), 2).tobytes())
        frame.sample_rate = BUS_HZ
        frame.time_base = Fraction(1, BUS_HZ)
        frame.pts = self._count * FRAME_SAMPLES
        self._count += 1
        return frame


class PhoneConnection:
    """One RTCPeerConnection of the phone."""

    def __init__(self, phone: WebRtcPhone, ice: IceServers, *, relay_only: bool) -> None:
        servers = []
        if ice.turn:
            servers.append(RTCIceServer(ice.turn, ice.turn_username, ice.turn_password))
        policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
        self.pc = RTCPeerConnection(RTCConfiguration(servers, iceTransportPolicy=policy))
        self.microphone = Microphone()
        self.heard: deque[bytes] = deque(maxlen=MAX_HEARD)
        self.connected = asyncio.Event()
        self._phone = phone
        self._reading: asyncio.Task[None] | None = None
        self.pc.addTrack(self.microphone)
        self.pc.on("track", self._listen)
        self.pc.on("connectionstatechange", self._follow)
        self._note_packets()

    @property
    def state(self) -> str:
        return self.pc.connectionState

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def take(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def add(self, text: str | None, mid: str, line: int) -> None:
        if text is not None:
            candidate = candidate_from_sdp(text.removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = mid, line
            await self.pc.addIceCandidate(candidate)

    def _note_packets(self) -> None:
        (transceiver,) = self.pc.getTransceivers()
        receiver, dtls, phone = transceiver.receiver, transceiver.sender.transport, self._phone
        handle, send = receiver._handle_rtp_packet, dtls._send_rtp

        async def handled(packet, arrival_time_ms):
            phone.received.append(
                RtpSeen(
                    time.time(), packet.sequence_number, packet.timestamp, packet.ssrc,
                    len(packet.payload),
                )
            )  # fmt: skip
            await handle(packet, arrival_time_ms=arrival_time_ms)

        async def sent(data):
            await send(data)
            if not 192 <= data[1] < 224:  # RTCP
                _, _, seq, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
                phone.sent.append(RtpSeen(time.time(), seq, timestamp, ssrc, len(data)))

        receiver._handle_rtp_packet, dtls._send_rtp = handled, sent

    def _listen(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._reading is None:
            self._reading = asyncio.ensure_future(self._read(track))

    async def _read(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.heard.append(frame.to_ndarray()[0, ::2].tobytes())  # left of two

    def _follow(self) -> None:
        if self.state == "connected":
            self.connected.set()
        elif self.state in ("failed", "closed"):
            self._phone.gone(self)

    async def close(self) -> None:
        await self.pc.close()
        if self._reading is not None:
            self._reading.cancel()


class WebRtcPhone:
    """See `bot.legs.base.Leg`; `dial` and `answered` are its own."""

    def __init__(
        self, caller: str = "alice", ice: IceServers | None = None, *, relay_only: bool = False
    ) -> None:
        self.received: list[RtpSeen] = []
        self.sent: list[RtpSeen] = []
        self.candidates: list[str | None] = []  # trickled to us
        self.box = Mailbox(silence().tobytes())
        self.leg: WebRtcLeg | None = None
        self.line = PhoneConnection(self, ice or IceServers(), relay_only=relay_only)
        self._how = (ice or IceServers(), relay_only)
        self._caller = caller
        self._info = LegInfo("webrtc", "", caller, "")
        self._ended: str | None = None
        self._events: list[LegEvent] = []
        self._frames_in = self._frames_lost = 0
        self._work: set[asyncio.Task[object]] = set()
        self._answer: asyncio.Task[str] | None = None

    # ---- calling ---------------------------------------------------------------------------

    async def dial(self, endpoint: WebRtcEndpoint, called: str = "1000") -> WebRtcLeg:
        """Offer a call; the leg that rings."""
        leg_id = f"room-{id(self):x}"
        self._info = LegInfo("webrtc", leg_id, self._caller, called)
        self.leg = endpoint.offered(
            await self.line.offer(), leg_id=leg_id, called=called, caller=self._caller
        )
        self.leg.on_candidate = self._trickled
        self.leg.on_digits = self._pressed
        self._answer = asyncio.ensure_future(self.leg.negotiated())
        return self.leg

    def _trickled(self, text: str | None, mid: str, line: int) -> None:
        self.candidates.append(text)
        self._spawn(self.line.add(text, mid, line))

    def _pressed(self, digits: str) -> None:
        self._events.extend(Digit(digit, "web") for digit in digits)

    async def answered(self, timeout: float = 10.0) -> None:
        """Wait until the call is up. Raises LegError (LegRefused) when it was not taken."""
        assert self._answer is not None
        try:
            async with asyncio.timeout(timeout):
                await self.line.take(await self._answer)
                await self.line.connected.wait()
        except LegError as error:
            self._end(f"failed: {error}")
            raise
        except TimeoutError:
            raise LegError(f"no connection within {timeout:g} s") from None
        self._events.append(MediaChanged("opus", BUS_HZ))
        self._info = LegInfo(
            "webrtc", self._info.leg_id, self._caller, self._info.called, "", "opus", BUS_HZ
        )
        self._spawn(self._tick())

    async def reoffer(self) -> str:
        """Negotiate anew on the same connection; the answer."""
        answer = await self.leg.renegotiate(await self.line.offer())
        await self.line.take(answer)
        return answer

    async def reconnect(self, timeout: float = 10.0) -> None:
        """A new connection in the same call; the old one lasts until it is up."""
        old, new = self.line, PhoneConnection(self, self._how[0], relay_only=self._how[1])
        await new.take(await self.leg.renegotiate(await new.offer()))
        async with asyncio.timeout(timeout):
            await new.connected.wait()
        self.line = new
        await old.close()

    async def vanish(self) -> None:
        """The connection closes and nobody hangs up."""
        line, self.line = self.line, None
        await line.close()

    # ---- what a leg has --------------------------------------------------------------------

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
            frames_dropped=self.box.dropped_in + self.box.dropped_out,
            underruns=self.box.underruns,
            rtp_received=len(self.received),
        )

    def events(self) -> list[LegEvent]:
        news, self._events = self._events, []
        return news

    async def frames(self) -> AsyncIterator[Frame]:
        while True:
            while self.box.inbound:
                pcm = self.box.inbound.popleft()
                self._frames_in += 1
                self._frames_lost += pcm is None
                yield silence() if pcm is None else np.frombuffer(pcm, np.int16).copy()
            if self._ended is not None:
                return
            self.box.wake.clear()
            await self.box.wake.wait()

    def write(self, frame: Frame) -> None:
        if self._ended is None:
            self.box.put(frame.tobytes())

    def flush(self) -> float:
        return self.box.flush()

    async def send_digits(self, digits: str) -> None:
        for digit in digits:
            self.leg.press(digit)

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        if self._ended is not None:
            return
        self._end("bot")
        if self.leg is not None:
            self.leg.leave()
        await self.close()

    async def close(self) -> None:
        """Free everything, in whatever state."""
        self._end("bot")
        if self.line is not None:
            await self.line.close()
        if self._answer is not None and not self._answer.cancel() and not self._answer.cancelled():
            self._answer.exception()  # seen
        for task in tuple(self._work):
            task.cancel()

    # ---- inside ----------------------------------------------------------------------------

    def gone(self, line: PhoneConnection) -> None:
        """The far side closed a connection of ours."""
        if line is self.line:
            self._end("caller")

    def _end(self, who: str) -> None:
        if self._ended is None:
            self._ended = who
            self.box.wake.set()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._ended is None:
            due = max(due + FRAME_S, loop.time() - 0.5)
            await asyncio.sleep(due - loop.time())
            pcm = self.box.next_out()
            if self.line is not None:
                self.line.microphone.put(pcm or self.box.silence)
                self.box.arrived = self.line.heard.popleft() if self.line.heard else None
            self.box.end_tick()
            self.box.wake.set()

    def _spawn(self, work) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
