"""The door between pjsip's conference bridge and Python: a fixed pool of ports.

Ports are made once and never freed (freeing one while its bridge runs crashes the process).
Their callbacks run inside the clock's tick and only move 640 bytes through the vector pointer
of the frame; resampling and everything else happens in the event loop.
"""

from __future__ import annotations

import ctypes
from itertools import cycle

import pjsua2 as pj

from bot.audio.comfort import comfort_noise
from bot.audio.frame import FRAME_MS
from bot.legs.mailbox import Mailbox

BRIDGE_HZ = 16_000
BRIDGE_BYTES = BRIDGE_HZ * FRAME_MS // 1000 * 2
SILENCE = bytes(BRIDGE_BYTES)
HUSH_S = 6.0  # so long until comfort noise repeats; nobody knows it again

Hush = tuple[bytes, ...]
"""Frames of comfort noise in turn, the first after the last; none: digital silence is sent."""


def hush(level_db: float) -> Hush:
    """Comfort noise at `level_db` dBFS, none for 0."""
    if not level_db:
        return ()
    whole = comfort_noise(level_db, BRIDGE_HZ, HUSH_S).tobytes()
    return tuple(whole[at : at + BRIDGE_BYTES] for at in range(0, len(whole), BRIDGE_BYTES))


class _FrameLayout(ctypes.Structure):
    """`pj::MediaFrame` as compiled: an int, a std::vector<unsigned char>, an unsigned."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("begin", ctypes.c_void_p),
        ("end", ctypes.c_void_p),
        ("capacity", ctypes.c_void_p),
        ("size", ctypes.c_uint),
    ]


def _pointers(frame: pj.MediaFrame) -> _FrameLayout:
    return _FrameLayout.from_address(int(frame.this))


def layout_holds() -> bool:
    """Whether the pointers lead where `_FrameLayout` says; tried on a frame of our own."""
    pattern = bytes(range(256)) * 2 + bytes(BRIDGE_BYTES - 512)
    frame = pj.MediaFrame()
    frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
    frame.size = BRIDGE_BYTES
    frame.buf = pj.ByteVector(list(pattern))
    seen = _pointers(frame)
    return bool(
        seen.type == pj.PJMEDIA_FRAME_TYPE_AUDIO
        and seen.size == BRIDGE_BYTES
        and seen.begin
        and seen.end
        and seen.end - seen.begin == BRIDGE_BYTES
        and ctypes.string_at(seen.begin, BRIDGE_BYTES) == pattern
    )


class BridgePort(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """One place in the bridge; `mailbox` is its tenant's while a leg lives here.

    `fast` selects the pointer path (1-3 µs a frame) over the documented, slow one (350 µs).
    """

    def __init__(self, name: str, hush: Hush = (), *, fast: bool) -> None:
        super().__init__()
        self.mailbox: Mailbox | None = None
        self._fast = fast
        self._hush = cycle(hush or (SILENCE,))
        self._vector = pj.ByteVector(list(SILENCE))
        holder = pj.MediaFrame()
        self._data = self._vector_data(holder) if fast else 0
        shape = pj.MediaFormatAudio()
        shape.init(pj.PJMEDIA_TYPE_AUDIO, BRIDGE_HZ, 1, FRAME_MS * 1000, 16)
        self.createPort(name, shape)

    def _vector_data(self, holder: pj.MediaFrame) -> int:
        """Address of our ByteVector's bytes: the vector object is three pointers."""
        return int(ctypes.c_void_p.from_address(int(self._vector.this)).value or 0)

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:  # pjsua2's name
        box = self.mailbox
        if box is None:
            return
        if not self._fast:
            if frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO and frame.size == BRIDGE_BYTES:
                box.arrived = bytes(frame.buf)
            return
        seen = _pointers(frame)
        if seen.type == pj.PJMEDIA_FRAME_TYPE_AUDIO and seen.size == BRIDGE_BYTES:
            box.arrived = ctypes.string_at(seen.begin, BRIDGE_BYTES)

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:  # pjsua2's name
        box = self.mailbox
        pcm = SILENCE if box is None else box.next_out() or SILENCE
        if pcm == SILENCE:  # to the mailbox and the engine it stays silence
            pcm = next(self._hush)
        if self._fast:
            ctypes.memmove(self._data, pcm, BRIDGE_BYTES)
            frame.buf = self._vector
        else:
            frame.buf = pj.ByteVector(list(pcm))
        frame.size = BRIDGE_BYTES
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO


class Pool:
    """The ports of a worker. Taken and given back by the SIP thread only."""

    def __init__(self, count: int, hush: Hush) -> None:
        self.fast = layout_holds()
        self.ports = tuple(
            BridgePort(f"bot{index}", hush, fast=self.fast) for index in range(count)
        )
        self._free = list(self.ports)

    def take(self) -> BridgePort:
        return self._free.pop()

    def give_back(self, port: BridgePort) -> None:
        port.mailbox = None
        self._free.append(port)
