"""The one clock of a SIP worker: draws a frame through pjsip's bridge every 20 ms.

pjsip's own null sound device falls 99 ms behind when Python is busy. A Python thread that
enters C through `PyDLL` (keeping the interpreter lock, so that nobody gets between waking up
and the packets' departure) stays within a few ms.
"""

from __future__ import annotations

import ctypes
import time
from asyncio import AbstractEventLoop
from threading import Event, Thread

import pjsua2 as pj

from bot.audio.frame import FRAME_MS, FRAME_S
from bot.legs.bridge import BRIDGE_BYTES, BRIDGE_HZ
from bot.legs.lateness import Lateness, LatenessLog
from bot.legs.mailbox import Mailbox


class PjmediaFrame(ctypes.Structure):
    """`pjmedia_frame` of pjproject 2.15."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    ]


class Clock:
    """Ticks `master` (a pjmedia_port address) and wakes the loop once per tick for all legs."""

    def __init__(self, library: str, master: int, loop: AbstractEventLoop) -> None:
        self._draw = ctypes.PyDLL(library).pjmedia_port_get_frame
        self._draw.argtypes = [ctypes.c_void_p, ctypes.POINTER(PjmediaFrame)]
        self._draw.restype = ctypes.c_int
        self._master = master
        self._loop = loop
        self._open: tuple[Mailbox, ...] = ()
        self._waking = False
        self._late = LatenessLog()
        self._due = time.monotonic()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sip-clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the bridge is not touched any more, or after a second."""
        self._stop.set()
        self._thread.join(1.0)

    def open(self, box: Mailbox) -> None:
        """From the next tick on `box` gets its frame. SIP thread only, as is `close`."""
        if box not in self._open:
            self._open = (*self._open, box)

    def close(self, box: Mailbox) -> None:
        self._open = tuple(each for each in self._open if each is not box)

    def to_next_tick(self) -> float:
        """Seconds until what is queued now leaves."""
        return min(FRAME_S, max(0.0, self._due - time.monotonic()))

    @property
    def sick(self) -> bool:
        """See `LatenessLog.sick`."""
        return self._late.sick

    @property
    def lateness(self) -> Lateness:
        return self._late.summary

    def _run(self) -> None:
        pj.Endpoint.instance().libRegisterThread("sip-clock")
        buffer = ctypes.create_string_buffer(BRIDGE_BYTES)
        frame = PjmediaFrame(buf=ctypes.addressof(buffer))
        self._due = time.monotonic()
        while not self._stop.is_set():
            wait = self._due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self._due += FRAME_S + self._late.add(time.monotonic() - self._due)
            self._tick(frame)

    def _tick(self, frame: PjmediaFrame) -> None:
        frame.size = BRIDGE_BYTES
        self._draw(self._master, ctypes.byref(frame))
        frame.timestamp += BRIDGE_HZ * FRAME_MS // 1000
        boxes = self._open
        for box in boxes:
            box.end_tick()
        if boxes and not self._waking:
            self._waking = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop is closed, nobody listens any more
                self._stop.set()

    def _wake(self) -> None:
        self._waking = False
        for box in self._open:
            box.wake.set()
