"""Two legs joined back to back, without network and without a clock of their own.

    phone, bot = loopback(caller="alice", called="1000")
    await bot.answer()
    bot.write(frame)            # comes out of phone.frames() one tick later

Time passes either as fast as both sides read (each side that iterates `frames()` waits for the
other, then one tick is made), or, with `free_running=False`, only when `phone.tick()` is called.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_S, Frame, silence
from bot.errors import LegError
from bot.legs.base import Delays, Digit, HangUp, Hold, LegEvent, LegInfo, LegStats, MediaChanged
from bot.legs.mailbox import Mailbox

CODEC = "L16"


def loopback(
    caller: str = "caller",
    called: str = "1000",
    *,
    lost: Iterable[bool] = (),
    free_running: bool = True,
) -> tuple[LoopbackLeg, LoopbackLeg]:
    """The caller's leg and the called one, ringing.

    `lost` says for each frame on its way from caller to called whether it is lost; when it is
    used up nothing is lost any more.
    """
    line = _Line(itertools.chain(lost, itertools.repeat(False)), free_running)
    for name, number, outbound in (("a", called, True), ("b", called, False)):
        info = LegInfo("loopback", f"loopback-{id(line):x}-{name}", caller, number)
        line.legs.append(LoopbackLeg(line, info, outbound=outbound))
    first, second = line.legs
    return first, second


def random_loss(share: float, seed: int) -> Iterator[bool]:
    """A loss pattern without end in which `share` of the frames are lost; same seed, same one."""
    dice = random.Random(seed)
    while True:
        yield dice.random() < share


class _Line:
    """What both legs share: who is reading, and the tick."""

    def __init__(self, lost: Iterator[bool], free_running: bool) -> None:
        self.legs: list[LoopbackLeg] = []
        self.lost = lost
        self.free_running = free_running
        self.up = False
        self.reading = 0  # sides inside frames()
        self.waiting = 0  # of them, those that want the next frame

    def tick(self) -> None:
        """Both sides' frames cross; nothing before the answer or after the end."""
        if not self.up:
            return
        caller, called = self.legs
        from_caller, from_called = caller.box.next_out(), called.box.next_out()
        if from_caller is not None and next(self.lost):
            from_caller = None
            called.lost_on_the_way += 1
        for leg, pcm in ((called, from_caller), (caller, from_called)):
            leg.box.arrived = pcm
            leg.box.end_tick()
            leg.box.wake.set()

    async def next_tick(self, box: Mailbox) -> None:
        """One side has nothing left to read."""
        box.wake.clear()
        self.waiting += 1
        try:
            await asyncio.sleep(0)  # whoever has work to do first, may
            everyone = self.waiting == self.reading and not box.inbound
            if self.free_running and everyone:
                self.tick()
            await box.wake.wait()
        finally:
            self.waiting -= 1


class LoopbackLeg:
    """See `bot.legs.base.Leg`."""

    def __init__(self, line: _Line, info: LegInfo, *, outbound: bool) -> None:
        self.box = Mailbox(silence().tobytes())
        self.outbound = outbound
        self.lost_on_the_way = 0
        self.referred: str | None = None  # where the far side transferred us to
        self._line = line
        self._info = info
        self._events: list[LegEvent] = []
        self._ended: str | None = None
        self._answered = asyncio.Event()  # or over
        self._frames_in = self._frames_lost = 0

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
            rtp_received=self._frames_in - self._frames_lost,
            rtp_lost=self.lost_on_the_way,
        )

    @property
    def delays(self) -> Delays:
        return Delays(inbound=0.0, outbound=FRAME_S * max(1, len(self.box.outbound)))

    @property
    def peer(self) -> LoopbackLeg:
        first, second = self._line.legs
        return second if self is first else first

    def events(self) -> list[LegEvent]:
        news, self._events = self._events, []
        return news

    def tick(self) -> None:
        """20 ms pass on both sides."""
        self._line.tick()

    async def answer(self) -> None:
        if self._ended is not None:
            raise LegError("the caller has gone")
        if self._line.up:
            return
        self._line.up = True
        for leg in self._line.legs:
            leg._events.append(MediaChanged(CODEC, BUS_HZ))
            leg._info = replace(leg.info, codec=CODEC, codec_hz=BUS_HZ)
            leg._answered.set()
            leg.box.wake.set()

    async def early(self) -> bool:
        return False  # without a network there is nothing to be early on

    async def refuse(self, code: int, reason: str = "", contact: str = "") -> None:
        if self._ended is None and not self._line.up:
            self._end("bot")
            self.peer._end(f"failed: {code} {contact or reason}".rstrip())

    async def answered(self, timeout: float = 60.0) -> None:
        """Wait for the far side's answer. Raises LegError when refused or after `timeout` s."""
        try:
            await asyncio.wait_for(self._answered.wait(), timeout)
        except TimeoutError:
            await self.hang_up()
            raise LegError(f"no answer within {timeout:g} s") from None
        if self._ended is not None and not self._line.up:
            raise LegError(self._ended)

    async def frames(self) -> AsyncIterator[Frame]:
        box, line = self.box, self._line
        line.reading += 1
        try:
            while True:
                while box.inbound:
                    pcm = box.inbound.popleft()
                    self._frames_in += 1
                    self._frames_lost += pcm is None
                    yield silence() if pcm is None else np.frombuffer(pcm, np.int16).copy()
                if self._ended is not None:
                    return
                await line.next_tick(box)
        finally:
            line.reading -= 1
            self.peer.box.wake.set()  # it may have waited for us

    def write(self, frame: Frame) -> None:
        if self._ended is None:
            self.box.put(frame.tobytes())

    def flush(self) -> float:
        return self.box.flush()

    async def send_digits(self, digits: str) -> None:
        if self._ended is None:
            self.peer._events.extend(Digit(digit) for digit in digits)

    def hold(self, on: bool) -> None:
        """Put the far side on hold, or take it back."""
        self.peer._events.append(Hold(on))

    async def transfer(self, target: str) -> None:
        if self._ended is not None:
            raise LegError("the caller has gone")
        self.peer.referred = target

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        if self._ended is not None:
            return
        was_up = self._line.up
        self._end("bot")
        if was_up:
            self.peer._end("caller")
        else:
            self.peer._end("cancelled" if self.outbound else f"failed: {reason}")

    def _end(self, who: str) -> None:
        self._ended = who
        self._answered.set()
        self.box.wake.set()
