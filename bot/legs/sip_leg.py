"""A telephone party as a `Leg`. Everything here runs in the event loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from bot.audio.frame import FRAME_S, Frame
from bot.audio.resample import Downsampler, Upsampler
from bot.errors import LegError
from bot.legs.base import (
    Delays,
    Digit,
    HangUp,
    Hold,
    Leg,
    LegEvent,
    LegInfo,
    LegStats,
    MediaChanged,
)
from bot.legs.bridge import BRIDGE_HZ
from bot.legs.mailbox import Mailbox
from bot.legs.sip_call import (
    Confirmed,
    Disconnected,
    Held,
    MediaUp,
    News,
    NoAudio,
    Pressed,
    StreamEnded,
    Transferred,
)
from bot.legs.sip_calls import RETRY_AFTER_S, Calls
from bot.legs.sip_keys import INBAND, Keypad
from bot.legs.sip_thread import SipThread

REFUSALS = {
    HangUp.NORMAL: 480,
    HangUp.BUSY: 486,
    HangUp.NOT_FOUND: 404,
    HangUp.DECLINED: 603,
    HangUp.UNAVAILABLE: 503,
    HangUp.FAILED: 500,
}
GOODBYE_S = 1.0  # how long a hang-up waits for the far side to agree
TRANSFER_S = 20.0
TRY_NEXT = frozenset({408, 500, 502, 503, 504})  # of a server, not of who was called
DIAL_S = 60.0  # how long a call of ours may ring

TICK_WAIT_S = FRAME_S / 2  # a packet comes at any moment of a tick
CONCEAL_S = 0.005  # the codec's loss concealment looks ahead (PJMEDIA_WSOLA_DELAY_MSEC)
BRIDGE_S = 0.0041  # 8 <-> 16 kHz at quality 10, by tests/support/audio_path.py
"""Checked on the wire in tests/legs/test_sip_delays.py; on a clean network the jitter buffer
holds nothing back."""


Dial: TypeAlias = Callable[[], Awaitable[tuple[int, str]]]
"""Begins a call: its serial and Call-ID. Raises LegError."""


class CallRefused(LegError):
    """The far side did not take our call; `code` is its SIP status."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(f"{code} {reason}")


class SipLeg:
    """See `bot.legs.base.Leg`."""

    def __init__(self, calls: Calls, thread: SipThread, box: Mailbox, info: LegInfo) -> None:
        self.serial = 0  # of the call in their table
        self._calls = calls
        self._thread = thread
        self._box = box
        self._info = info
        self._keypad = Keypad(calls.dtmf_inband)
        self._up = Upsampler(BRIDGE_HZ)
        self._down = Downsampler(BRIDGE_HZ)
        self._events: list[LegEvent] = []
        self._ended: str | None = None
        self._over = asyncio.Event()
        self._established = asyncio.Event()
        self._leaving = False  # we hung up
        self.others: list[Dial] = []  # further servers for a call of ours, in order
        self._redialling: asyncio.Future[None] | None = None
        self._transfer: asyncio.Future[None] | None = None
        self._refusal = (0, "")
        self._frames_in = self._frames_lost = 0
        self._rtp_received = self._rtp_lost = 0

    # ---- what is known -------------------------------------------------------------------

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
            rtp_received=self._rtp_received,
            rtp_lost=self._rtp_lost,
        )

    @property
    def delays(self) -> Delays:
        """Outbound: of the frame written last, or of one written now to an empty queue."""
        ahead = max(0, len(self._box.outbound) - 1) * FRAME_S
        return Delays(
            inbound=TICK_WAIT_S + CONCEAL_S + BRIDGE_S + self._up.delay_s,
            outbound=self._calls.clock.to_next_tick() + ahead + BRIDGE_S + self._down.delay_s,
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
                self._frames_lost += pcm is None
                key, sound = self._keypad.listen(pcm)
                if key:
                    self._press(key, INBAND)
                yield self._up.process(np.frombuffer(sound, np.int16))
            if self._ended is not None:
                return
            box.wake.clear()
            await box.wake.wait()

    def write(self, frame: Frame) -> None:
        if self._ended is None and not self._leaving:
            sound = self._down.process(frame).tobytes()
            self._box.put(self._keypad.next_tone() or sound)

    def flush(self) -> float:
        return self._box.flush()

    # ---- the call --------------------------------------------------------------------------

    async def answer(self) -> None:
        """Of a call we make: wait until the far side does."""
        if self._info.outbound:
            await self.answered(DIAL_S)
            return
        if self._ended is not None:
            raise LegError("the caller has gone")
        await self._thread.do(lambda: self._calls.answer(self.serial, self._box))
        self._established.set()

    async def early(self) -> bool:
        if self._ended is not None:
            raise LegError("the caller has gone")
        await self._thread.do(lambda: self._calls.early(self.serial, self._box))
        return True

    async def refuse(self, code: int, reason: str = "", contact: str = "") -> None:
        if self._ended is not None or self._established.is_set():
            return
        retry = RETRY_AFTER_S if code == 503 else 0
        await self._leave(lambda: self._calls.refuse(self.serial, code, retry, reason, contact))

    def dialled(self, serial: int, call_id: str) -> None:
        """The INVITE is on its way."""
        self.serial = serial
        self._info = replace(self._info, leg_id=call_id)

    async def answered(self, timeout: float = 60.0) -> None:
        """Wait until the far side takes a call we dialled. Raises CallRefused; gives up with
        LegError, hanging up, after `timeout` seconds."""
        waits = [asyncio.ensure_future(e.wait()) for e in (self._established, self._over)]
        done, pending = await asyncio.wait(
            waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        for each in pending:
            each.cancel()
        if not done:
            await self.hang_up()
            raise LegError(f"no answer within {timeout:g} s")
        if not self._established.is_set():
            raise CallRefused(*self._refusal)

    async def send_digits(self, digits: str) -> None:
        """As events where the far side takes them, else as tones over what the bot says."""
        if self._keypad.needs_tones:
            self._keypad.send(digits)
        else:
            await self._thread.do(lambda: self._calls.send_digits(self.serial, digits))

    async def transfer(self, target: str) -> None:
        """Returns when the transferred call is up or, as many do, the party hung up on us
        after accepting. Raises LegError when refused or nothing came of it in 20 s."""
        await self._refer(lambda: self._calls.refer(self.serial, target), TRANSFER_S)

    async def transfer_to(self, other: Leg, within_s: float) -> None:
        """The same, to the party of `other`, a leg of this endpoint whose place ours takes (RFC
        3891)."""
        if not isinstance(other, SipLeg):
            raise LegError("no telephone leg")
        serial = other.serial
        await self._refer(lambda: self._calls.refer(self.serial, serial), within_s)

    async def _refer(self, send: Callable[[], None], within_s: float) -> None:
        self._transfer = asyncio.get_running_loop().create_future()
        await self._thread.do(send)
        try:
            await asyncio.wait_for(self._transfer, within_s)
        except TimeoutError:
            raise LegError(f"transfer: no outcome within {within_s:g} s") from None

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        if self._ended is not None:
            return
        retry = RETRY_AFTER_S if reason is HangUp.UNAVAILABLE else 0
        code = 0 if self._established.is_set() else REFUSALS[reason]
        await self._leave(lambda: self._calls.hang_up(self.serial, code, retry))

    async def _leave(self, command: Callable[[], None]) -> None:
        self._leaving = True
        try:
            await self._thread.do(command)
            await asyncio.wait_for(self._over.wait(), GOODBYE_S)
        except TimeoutError:  # a dead peer; pjsip goes on repeating the BYE by itself
            self._end("bot")

    # ---- news from the SIP thread ------------------------------------------------------------

    def take(self, news: News) -> None:
        """Called in the event loop for each piece of news, in order."""
        match news:
            case Confirmed():
                self._established.set()
            case MediaUp(codec, hz, events):
                self._keypad.agreed(events=events)
                self._media_up(codec, hz)
            case Held(on):
                self._events.append(Hold(on))
            case Pressed(digit, method):
                self._press(digit, method)
            case StreamEnded(received, lost):
                self._rtp_received += received
                self._rtp_lost += lost
            case NoAudio(seconds):  # whoever has gone will not answer our BYE either
                self._end(f"no audio arrived for {seconds:g} s")
            case Transferred():
                self._transferred(news)
            case Disconnected(code, why):
                self._disconnected(code, why)

    def _media_up(self, codec: str, hz: int) -> None:
        if (codec, hz) != (self._info.codec, self._info.codec_hz):
            self._info = replace(self._info, codec=codec, codec_hz=hz)
            self._events.append(MediaChanged(codec, hz))

    def _disconnected(self, code: int, why: str) -> None:
        self._refusal = (code, why)
        if not self._tries_next(code):
            self._end(self._who(code, why))

    def _tries_next(self, code: int) -> bool:
        """The server of our call cannot serve: another one may."""
        if code not in TRY_NEXT or not self.others or self._leaving or self._established.is_set():
            return False
        self._redialling = asyncio.ensure_future(self._redial(self.others.pop(0)))
        return True

    async def _redial(self, dial: Dial) -> None:
        try:
            self.dialled(*await dial())
        except LegError:
            self._end(self._who(*self._refusal))
            return
        if self._leaving:  # meanwhile
            await self._thread.do(lambda: self._calls.hang_up(self.serial, 0, 0))

    def _press(self, key: str, way: str) -> None:
        if self._keypad.pressed(key, way):
            self._events.append(Digit(key, way))

    def _who(self, code: int, reason: str) -> str:
        if self._leaving:
            return "bot"
        if code == 487 and not self._info.outbound:
            return "cancelled"
        if self._established.is_set() and code // 100 == 2:
            return "caller"
        return f"failed: {code} {reason}"

    def _transferred(self, news: Transferred) -> None:
        waiting = self._transfer
        if waiting is None or waiting.done():
            return
        if news.code >= 300:
            waiting.set_exception(LegError(f"transfer: {news.code} {news.reason}"))
        elif news.final and news.code >= 200:
            waiting.set_result(None)
        elif news.final:
            waiting.set_exception(LegError("transfer: its outcome was not told"))

    def _end(self, who: str) -> None:
        if self._ended is not None:
            return
        self._ended = who
        self._over.set()
        self._box.wake.set()
        if self._transfer is not None and not self._transfer.done():
            self._transfer.set_result(None)
