"""The file of a call's engine inputs: it only grows, and is readable at every instant.

    telephone bot tape 1\\n      which layout the rest has
    length, crc32, payload      a block; the first tells of the call, the others hold about 1 s
    length, crc32, payload      …

Blocks are made and written in a thread of their own, each in one write; whatever moment the
process is killed at, a reader gets all whole blocks. Trouble ends the tape, never the call. What
the payloads mean is the business of whoever writes them.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from bot.audio.frame import BUS_HZ
from bot.errors import StoreError
from bot.store.background import Background, Job

MAGIC = b"telephone bot tape "
VERSION = 1
BLOCK_SAMPLES = BUS_HZ  # what a kill may cost
MAX_WAITING_BLOCKS = 60  # of one tape; beyond it the disk has stalled
SUFFIX = ".tape"
_BLOCK = struct.Struct("<II")  # length and crc32 of the payload
_background = Background("tapes")
log = structlog.get_logger(__name__)

Item = TypeVar("Item")


def tape_path(recordings: Path, call_id: str) -> Path:
    """Where the tape of a call lies: beside its recording."""
    return recordings / call_id[:6] / f"{call_id}{SUFFIX}"


def flush_tapes(timeout_s: float = 5.0) -> bool:
    """Wait until all that was handed over so far is on disk; for a worker about to exit."""
    return _background.flush(timeout_s)


class Tape(Generic[Item]):
    """The tape of one call. Make it after the worker was forked.

    `path` must not exist yet; its folder is made. `pack` makes a payload of some items; it is
    called in the writer's thread, in order. `failed` tells why the tape ended early, None while
    all is well.
    """

    def __init__(
        self,
        path: Path,
        head: bytes,
        pack: Callable[[list[Item]], bytes],
        max_bytes: int,
    ) -> None:
        self.path = path
        self.failed: str | None = None
        self._file = _BlockFile(path, max_bytes)
        self._pack = pack
        self._items: list[Item] = []
        self._samples = 0  # in them
        self._waiting = 0  # blocks handed over and not yet written
        self._count = threading.Lock()
        self._closed = False
        self._finished = threading.Event()
        _background.put(lambda: self._guarded(lambda: self._file.open(head)))

    def add(self, item: Item, samples: int) -> None:
        """Take in what holds so many samples. Never blocks, never fails on disk.

        An item may still be completed until the next one is added.
        """
        if self._samples >= BLOCK_SAMPLES:
            self._hand_over()
        if self._closed or self.failed:
            return
        self._items.append(item)
        self._samples += samples

    def close(self) -> None:
        """Nothing more will come; returns at once, `wait` tells when the file is complete."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        _background.put(self._finish)

    def wait(self, timeout_s: float) -> bool:
        """Block until the closed tape is complete on disk; False when it takes longer."""
        return self._finished.wait(timeout_s)

    def _hand_over(self) -> None:
        items, self._items, self._samples = self._items, [], 0
        if self.failed:
            return
        with self._count:
            self._waiting += 1
        if self._waiting > MAX_WAITING_BLOCKS:
            self._fail("the disk is too slow")
        else:
            _background.put(lambda: self._append(items))

    def _append(self, items: list[Item]) -> None:
        with self._count:
            self._waiting -= 1
        if self.failed:
            return
        packed = False
        try:
            payload = self._pack(items)
            packed = True
        finally:
            if not packed:  # a bug, which the thread logs; a tape with a hole is worse than a short
                self._fail("its inputs could not be packed")
        self._guarded(lambda: self._file.append(payload))

    def _finish(self) -> None:
        self._guarded(self._file.close)
        self._finished.set()

    def _guarded(self, act: Job) -> None:
        try:
            act()
        except OSError as error:
            # strerror, not the text: that holds the path
            self._fail(error.strerror or type(error).__name__)
            self._file.close()
        except StoreError as error:
            self._fail(str(error))
            self._file.close()

    def _fail(self, why: str) -> None:
        if self.failed is None:
            self.failed = why
            log.error("tape ended early", why=why)


class _BlockFile:
    """Used by the writer's thread alone."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._bytes = 0
        self._fd = -1

    def open(self, head: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # EXCL: a tape is never written over; 600: it is somebody's voice
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._fd = os.open(self._path, flags, 0o600)
        self._write(MAGIC + b"%d\n" % VERSION)
        self.append(head)

    def append(self, payload: bytes) -> None:
        if self._bytes + len(payload) > self._max_bytes:
            raise StoreError(f"it may grow to {self._max_bytes} bytes, as long as a call may last")
        self._write(_BLOCK.pack(len(payload), zlib.crc32(payload)) + payload)

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _write(self, data: bytes) -> None:
        self._bytes += len(data)
        while data:
            data = data[os.write(self._fd, data) :]


def read_blocks(path: Path) -> Iterator[bytes]:
    """The payloads of a tape, the head first, as far as they are whole.

    Raises StoreError when it cannot be read, is no tape, or is of another version.
    """
    try:
        with path.open("rb") as file:
            _check_version(path, file.readline(64))
            while len(head := file.read(_BLOCK.size)) == _BLOCK.size:
                length, crc = _BLOCK.unpack(head)
                payload = file.read(length)
                if len(payload) < length or zlib.crc32(payload) != crc:
                    return  # the writer was killed here
                yield payload
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}).") from None


def _check_version(path: Path, line: bytes) -> None:
    if not line.startswith(MAGIC):
        raise StoreError(f"{path}: is no tape of a call.")
    version = line.removeprefix(MAGIC).strip().decode("ascii", "replace")
    if version != str(VERSION):
        raise StoreError(
            f"{path}: is a tape of version {version}, this bot reads version {VERSION}. "
            "Replay it with the bot that recorded it."
        )
