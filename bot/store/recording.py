"""Stereo recordings, caller left and bot right, playable at every instant.

One thread per process writes for all calls: first the audio behind what is there, then the sizes
in the header, in one small write each. Whatever moment the process is killed at, the header tells
of no more than is there. Disk trouble ends the recording, never the call.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import structlog

from bot.audio import wav
from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import Downsampler
from bot.errors import StoreError

BLOCK_S = 0.5  # audio given to the disk at once
MAX_WAITING_BLOCKS = 60  # of one recording; beyond it the disk has stalled
CHANNELS = 2
log = structlog.get_logger(__name__)

_Job = Callable[[], None]


class StereoRecording:
    """The recording of one call. Make it after the worker was forked.

    `path` must not exist yet; its folder is made. `failed` tells why the recording ended early,
    None while all is well. Frames go in at BUS_HZ, `rate_hz` is what the file holds.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        self.path = path
        self.failed: str | None = None
        self._file = _WavFile(path, rate_hz)
        self._ratio = BUS_HZ // rate_hz
        self._caller = Downsampler(rate_hz) if rate_hz < BUS_HZ else None
        self._bot = Downsampler(rate_hz) if rate_hz < BUS_HZ else None
        self._left: list[bytes] = []
        self._right: list[bytes] = []
        self._buffered = 0  # samples
        self._waiting = 0  # blocks handed over and not yet written
        self._count = threading.Lock()
        self._closed = False
        self._finished = threading.Event()
        _writer().put(self._open)

    def write(self, caller: Samples, bot: Samples) -> None:
        """Add two int16 blocks at BUS_HZ. Never blocks, never fails on disk.

        Raises ValueError unless both are equally long and make whole samples of the file.
        """
        if len(caller) != len(bot) or len(caller) % self._ratio:
            raise ValueError(f"cannot record {len(caller)} samples beside {len(bot)}")
        if self._closed or self.failed:
            return
        self._left.append(caller.tobytes())
        self._right.append(bot.tobytes())
        self._buffered += len(caller)
        if self._buffered >= BLOCK_S * BUS_HZ:
            self._hand_over()

    def close(self) -> None:
        """Nothing more will come; returns at once, `wait` tells when the file is complete."""
        if self._closed:
            return
        self._closed = True
        if self._buffered:
            self._hand_over()
        _writer().put(self._finish)

    def wait(self, timeout_s: float) -> bool:
        """Block until the closed recording is complete on disk; False when it takes longer."""
        return self._finished.wait(timeout_s)

    def _hand_over(self) -> None:
        left, right = b"".join(self._left), b"".join(self._right)
        self._left, self._right, self._buffered = [], [], 0
        with self._count:
            self._waiting += 1
        if self._waiting > MAX_WAITING_BLOCKS:
            self._fail("the disk is too slow")
        else:
            _writer().put(lambda: self._append(left, right))

    def _append(self, left: bytes, right: bytes) -> None:
        with self._count:
            self._waiting -= 1
        if self.failed:
            return
        caller, bot = np.frombuffer(left, np.int16), np.frombuffer(right, np.int16)
        if self._caller and self._bot:
            caller, bot = self._caller.process(caller), self._bot.process(bot)
        self._guarded(lambda: self._file.append(wav.interleave(caller, bot)))

    def _open(self) -> None:
        self._guarded(self._file.open)

    def _finish(self) -> None:
        self._guarded(self._file.close)
        self._finished.set()

    def _guarded(self, act: _Job) -> None:
        try:
            act()
        except (OSError, StoreError) as error:
            # strerror, not the text: that holds the path, which may be made of a number
            self._fail(error.strerror or "" if isinstance(error, OSError) else str(error))
            self._file.abandon()

    def _fail(self, why: str) -> None:
        if self.failed is None:
            self.failed = why
            _count_failure()
            log.error("recording ended early", why=why)


class _WavFile:
    """A WAV that grows. Used by the writer thread alone."""

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._data_bytes = 0
        self._fd = -1

    def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # EXCL: a recording is never written over; 600: it is somebody's voice
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._write_header()

    def append(self, data: bytes) -> None:
        if self._data_bytes + len(data) > wav.MAX_DATA_BYTES:
            raise StoreError("a WAV holds no more than 4 GB")
        _write_all(self._fd, data, wav.HEADER_BYTES + self._data_bytes)
        self._data_bytes += len(data)
        self._write_header()

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def abandon(self) -> None:
        """After a failure: leave what the header tells of."""
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, wav.HEADER_BYTES + self._data_bytes)
                self.close()
            except OSError:
                self._fd = -1  # the header is right all the same

    def _write_header(self) -> None:
        _write_all(self._fd, wav.header(self._rate_hz, CHANNELS, self._data_bytes), 0)


def _write_all(fd: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], at + done)


class _Writer:
    """The thread all recordings of this process share."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="recordings", daemon=True).start()

    def put(self, job: _Job) -> None:
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:  # the outermost loop: a bug may cost one recording, never all
                _count_failure()
                log.exception("recording job failed")


_failures = 0
_the_writer: _Writer | None = None
_making = threading.Lock()


def failures() -> int:
    """How many recordings of this process ended early or were never made."""
    return _failures


def _count_failure() -> None:
    global _failures
    with _making:
        _failures += 1


def _writer() -> _Writer:
    global _the_writer
    with _making:
        if _the_writer is None:
            _the_writer = _Writer()
        return _the_writer


def _forget_writer() -> None:
    global _the_writer, _making
    _the_writer, _making = None, threading.Lock()  # threads do not survive a fork


def flush_recordings(timeout_s: float = 5.0) -> bool:
    """Wait until all audio handed over so far is on disk; for a worker about to exit."""
    if _the_writer is None:
        return True
    done = threading.Event()
    _the_writer.put(done.set)
    return done.wait(timeout_s)


os.register_at_fork(after_in_child=_forget_writer)
atexit.register(flush_recordings)
