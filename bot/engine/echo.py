"""Echo of ourselves: phones and hybrids send our voice back, and no phone cancels that for us.

What we sent is known, so what comes back can be found in what we hear: twice a second's half is
correlated against our output, the strongest match gives the delay, a least-squares filter around
it gives the path (delay, loss and colour). What the filter predicts is taken away; the rest must
stand out of what such a prediction usually leaves over to count as the caller.

Until something is known the worst is assumed: an echo 6 dB below our voice, at any delay. One or
two looks without a match, half a second of our speech, take that suspicion away.

Everything here is at 8 kHz: an echo on a telephone line has no more.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import FRAME_SAMPLES, Frame
from bot.audio.vad import Heard

Signal = NDArray[np.float32]

HZ = 8000
STEP = 160  # samples a frame at HZ
DECIMATION = FRAME_SAMPLES // STEP
FIR_TAPS = 36
MAX_DELAY = round(0.52 * HZ)  # the longest echo path that is looked for
WINDOW = round(0.5 * HZ)  # of what was heard, in one look
LOOK_EVERY = 5  # frames: ten looks a second while we speak
TAPS = 200  # of the path's filter: 25 ms,
BEFORE = 24  # of them before the strongest match
ACTIVE_DB = -45.0  # our output below this leaves no echo worth a look
FOUND = 0.3  # correlation of 1 that is a match for sure in one look,
SUSPECTED = 0.16  # one that is a match if it comes back at the same place
SAME_PLACE = 24  # samples: 3 ms
SURE_FITS = 4  # looks that found the same path, until it is relied on
CLEAN_LOOKS = 2  # looks without a match until the line is taken for free of echo
WORST_LOSS_DB = 6.0  # assumed before anything is known
STANDS_OUT_DB = 12.0  # over what our echo leaves, and the caller is heard
BEST_CANCELLED_DB = 17.0  # more is never counted on
DECAY_DB = 4.0  # a frame: how fast a room's reverberation falls (RT60 of 300 ms)
NOTHING_EXPLAINED_DB = -3.0  # a first path must account for more than half of what is heard
ROUNDS = 25  # of the solver: more do not change the echo that is left
LOOKS_KEPT = 9  # of what the filter leaves, the middle one counts
QUIET_ENERGY = WINDOW * 10 ** (ACTIVE_DB / 10) * 32768**2 * 0.1  # of differences, in a window


def _lowpass() -> Signal:
    """Windowed sinc at 48 kHz, 3.6 kHz."""
    at = np.arange(FIR_TAPS) - (FIR_TAPS - 1) / 2
    taps = np.sinc(at * 2 * 3600 / (HZ * DECIMATION)) * np.hamming(FIR_TAPS)
    lowpass: Signal = (taps / taps.sum()).astype(np.float32)
    return lowpass


class _Decimator:
    """48 kHz frames to 8 kHz; keeps the samples a filter needs from the frame before."""

    taps = _lowpass()

    def __init__(self) -> None:
        self._buffer = np.zeros(FRAME_SAMPLES + FIR_TAPS - DECIMATION, np.float32)

    def __call__(self, frame: Frame) -> Signal:
        kept = len(self._buffer) - FRAME_SAMPLES
        self._buffer[:kept] = self._buffer[FRAME_SAMPLES:]
        self._buffer[kept:] = frame
        lowered = np.convolve(self._buffer, self.taps, "valid")
        eighth: Signal = lowered[::DECIMATION].astype(np.float32)
        return eighth


class _Tape:
    """The last samples of one direction, newest at the end."""

    def __init__(self, length: int) -> None:
        self._ring = np.zeros(2 * length, np.float32)
        self._length, self._end = length, length

    def push(self, samples: Signal) -> None:
        if self._end + len(samples) > len(self._ring):
            self._ring[: self._length] = self._ring[self._end - self._length : self._end]
            self._end = self._length
        self._ring[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def last(self, count: int, ago: int = 0) -> Signal:
        """`count` samples that ended `ago` samples before the newest."""
        return self._ring[self._end - ago - count : self._end - ago]


class EchoGuard:
    """One per call. `hear` once a tick, `sent` once a tick."""

    def __init__(self) -> None:
        self._ours, self._theirs = _Decimator(), _Decimator()
        self._sent = _Tape(WINDOW + MAX_DELAY + 2 * STEP)
        self._heard = _Tape(WINDOW)
        self._loudest: list[float] = []  # our levels of the last MAX_DELAY, newest last
        self._ticks = self._clean_looks = 0
        self._suspect: int | None = None
        self._path: Signal | None = None  # the filter, None: no echo, or none known
        self._delay = 0
        self._loss_db = 0.0
        self._left: deque[float] = deque(maxlen=LOOKS_KEPT)  # of an echo by the filter, in dB
        self._left_db = 0.0  # the middle one
        self._to_fit: int | None = None  # a match, fitted in the next tick: spreads the work
        self._tail_db = -120.0
        self.known = False  # has the line been looked at?

    @property
    def delay_s(self) -> float | None:
        """From our output to its echo; None without one."""
        return None if self._path is None else self._delay / HZ

    @property
    def return_loss_db(self) -> float | None:
        """How much weaker the echo is; None without one."""
        return None if self._path is None else self._loss_db

    def sent(self, frame: Frame) -> None:
        """What we put out in this tick."""
        ours = self._ours(frame)
        self._sent.push(ours)
        self._loudest.append(_db(ours))
        del self._loudest[: -MAX_DELAY // STEP - 1]

    def hear(self, frame: Frame, heard: Heard) -> Heard:
        """The same, less what is only our echo."""
        theirs = self._theirs(frame)
        self._heard.push(theirs)
        self._ticks += 1
        loudest = max(self._loudest, default=-120.0)
        if loudest < ACTIVE_DB:
            self._tail_db -= DECAY_DB
            return heard
        if self._to_fit is not None:
            self._fit(self._to_fit)
        elif self._ticks % LOOK_EVERY == 0:
            self._look()
        if not self.known:
            heard = _gated(heard, heard.level_db, loudest - WORST_LOSS_DB - STANDS_OUT_DB)
        if self._path is None:
            return heard
        echo = self._predicted()
        self._tail_db = max(_db(echo), self._tail_db - DECAY_DB)
        return _gated(heard, _db(theirs - echo), self._tail_db + self._left_db)

    def _predicted(self) -> Signal:
        """The echo in the newest frame, if the path is as it was."""
        assert self._path is not None
        sent = self._sent.last(STEP + TAPS - 1, self._delay - BEFORE)
        return np.convolve(sent, self._path, "valid").astype(np.float32)

    # ---- ten times a second

    def _look(self) -> None:
        """Find our voice in the last half second, and how it comes back."""
        heard, sent = self._heard.last(WINDOW), self._sent.last(WINDOW + MAX_DELAY)
        size = 1 << (len(sent) - 1).bit_length()
        ours = np.fft.rfft(_sharpened(sent), size)
        theirs = np.fft.rfft(_sharpened(heard), size)
        match = np.fft.irfft(theirs.conj() * ours, size)[: MAX_DELAY + 1]
        energy = np.cumsum(np.concatenate([[0.0], _sharpened(sent) ** 2]))
        sent_energy = energy[WINDOW:] - energy[: len(energy) - WINDOW]
        heard_energy = float(np.sum(_sharpened(heard) ** 2))
        if sent_energy.max() < QUIET_ENERGY:
            return
        alike = match / np.sqrt(sent_energy * heard_energy + WINDOW)
        at = int(np.argmax(np.abs(alike)))
        reached = bool(sent_energy[0] > QUIET_ENERGY)  # an echo of any delay would be here by now
        self._judge(MAX_DELAY - at, float(abs(alike[at])), reached)

    def _judge(self, delay: int, alike: float, reached: bool) -> None:
        """A match, a suspicion, or another sign that there is no echo."""
        again = self._suspect is not None and abs(delay - self._suspect) <= SAME_PLACE
        if alike >= FOUND or (alike >= SUSPECTED and again):
            self._clean_looks = 0
            self._to_fit = delay
        elif alike < SUSPECTED and reached:
            self._clean_looks += 1
            if self._clean_looks >= CLEAN_LOOKS:
                self.known = True
        self._suspect = delay if alike >= SUSPECTED else None

    def _fit(self, delay: int) -> None:
        """Least squares around the match; the better of the old path and the new one stays."""
        self._to_fit = None
        if delay < BEFORE or delay - BEFORE + TAPS > MAX_DELAY:
            delay = min(max(delay, BEFORE), MAX_DELAY - TAPS + BEFORE)
        heard = self._heard.last(WINDOW)
        sent = self._sent.last(WINDOW + TAPS - 1, delay - BEFORE)
        size = 1 << (len(sent) + TAPS - 1).bit_length()
        ours, theirs = np.fft.rfft(sent, size), np.fft.rfft(heard, size)
        lags = np.fft.irfft(ours * ours.conj(), size)[:TAPS]
        cross = np.fft.irfft(ours * theirs.conj(), size)[:TAPS][::-1]
        lags[0] += 0.003 * lags[0] + 1.0
        path = _solved(np.concatenate([lags[:0:-1], lags]), cross).astype(np.float32)
        before = self._left_of(heard, self._path, self._delay)
        after = self._left_of(heard, path, delay)
        if self._path is None and after > NOTHING_EXPLAINED_DB:
            return  # two voices that are alike for a moment
        if self._path is None or after < before:
            self._path, self._delay = path, delay
            self._loss_db = _db(sent) - _db(np.convolve(sent, path, "same").astype(np.float32))
        self.known = self.known or len(self._left) + 1 >= SURE_FITS
        self._left.append(max(min(before, after), -BEST_CANCELLED_DB))
        self._left_db = sorted(self._left)[len(self._left) // 2]

    def _left_of(self, heard: Signal, path: Signal | None, delay: int) -> float:
        """What a path leaves of what was heard, relative to its echo, in dB."""
        if path is None:
            return 0.0
        echo = np.convolve(self._sent.last(WINDOW + TAPS - 1, delay - BEFORE), path, "valid")
        return min(0.0, _db(heard - echo) - _db(echo.astype(np.float32)))


def _gated(heard: Heard, level_db: float, expected_db: float) -> Heard:
    floor = max(heard.floor_db, expected_db)
    return Heard(heard.speech and level_db > floor + STANDS_OUT_DB, level_db, floor)


def _solved(lags: NDArray[np.float64], cross: NDArray[np.float64]) -> NDArray[np.float64]:
    """The filter whose autocorrelation equations these are, by conjugate gradients.

    No LAPACK: its threads would fight for the cores that calls need.
    """
    path = np.zeros(len(cross))
    left = direction = cross.copy()
    energy = float(left @ left)
    enough = energy * 1e-8
    for _ in range(ROUNDS):
        if energy <= enough:
            break
        towards = np.convolve(lags, direction, "valid")
        step = energy / float(direction @ towards)
        path += step * direction
        left = left - step * towards
        energy, before = float(left @ left), energy
        direction = left + energy / before * direction
    return path


def _sharpened(signal: Signal) -> Signal:
    """Differences: flattens the spectrum of speech, so that a match is a narrow peak."""
    return np.diff(signal, prepend=signal[:1])


def _db(signal: Signal) -> float:
    """Level in dBFS."""
    return 10 * math.log10(float(signal @ signal) / len(signal) / 32768**2 + 1e-12)
