"""The way our voice takes back to us, learnt while it is used.

A frequency-domain Kalman filter (Enzner and Vary, 2006): each bin of the path's response has a
variance of its own, and what the prediction leaves over is taken for the caller and for noise. So
it learns fast while only we speak, hardly at all while the caller speaks too, and follows a path
that changes. Of an echo of speech that two G.711 codecs have been at it takes away 22 to 26 dB
after three passes over half a second. About 65 µs a frame.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bot.engine.echo_signal import STEP, Signal, level_of

SPAN = 512  # samples of ours that are looked at for each STEP of theirs
TAPS = 200  # of the path's filter: 25 ms,
BEFORE = 24  # of them before the strongest match
BINS = SPAN // 2 + 1
SHARE = STEP / SPAN  # of a block that is new
REMEMBERS = 0.998**2  # a frame: the path may be another one in some ten seconds
SMOOTH = 0.6  # a frame, of the power of what is left over
FIRST_VARIANCE = 1.0  # of the response before anything is learnt: an echo as loud as we are
HISS = 1e3  # power that a bin has at the least: rounding to eight bits
SILENT_DB = -70.0  # our voice below this leaves no echo and teaches nothing
KEPT = 0.98  # a frame, of the energies that tell how the filter does
HARM = 1.5  # a filter that leaves so much more than was heard is wrong

Spectrum = NDArray[np.complex64] | NDArray[np.complex128]


class EchoPath:
    """Delay and filter from what we send to what comes back of it."""

    def __init__(self, delay: int) -> None:
        self.delay = delay  # samples to the strongest part of the echo
        self.ago = max(0, delay - BEFORE)  # where the filter begins
        self._response: Spectrum = np.zeros(BINS, np.complex64)
        self._variance = np.full(BINS, FIRST_VARIANCE, np.float32)
        self._left_over = np.zeros(BINS, np.float32)  # power in each bin
        self._error = np.zeros(SPAN, np.float32)
        self._sent = self._back = self._heard = self._left = 0.0  # energies of the last second

    @property
    def loss_db(self) -> float:
        """How much weaker the echo is than what we sent."""
        return 10 * math.log10((self._sent + 1.0) / (self._back + 1.0))

    def echo(self, sent: Signal) -> Signal:
        """What comes back in STEP samples; `sent`: SPAN of ours, the newest `ago` before them."""
        return self._echo(_spectrum(sent))

    def follow(self, sent: Signal, heard: Signal) -> Signal:
        """The echo expected in `heard`, STEP samples; then learn from what was heard."""
        if level_of(sent) < SILENT_DB:
            return np.zeros(STEP, np.float32)
        ours = _spectrum(sent)
        echo = self._echo(ours)
        left = heard - echo
        self._learn(ours, left)
        self._sent = KEPT * self._sent + float(sent[-STEP:] @ sent[-STEP:])
        self._back = KEPT * self._back + float(echo @ echo)
        self._heard = KEPT * self._heard + float(heard @ heard)
        self._left = KEPT * self._left + float(left @ left)
        if self._left > HARM * self._heard:
            self._response *= np.float32(0.5)
        return echo

    def _echo(self, ours: Spectrum) -> Signal:
        return _signal(ours * self._response)[SPAN - STEP :]

    def _learn(self, ours: Spectrum, error: Signal) -> None:
        self._error[SPAN - STEP :] = error
        wrong = _spectrum(self._error)
        self._left_over *= SMOOTH
        self._left_over += (1 - SMOOTH) * _power(wrong)
        power = _power(ours)
        # Without SHARE, a third of Kalman's gain, and no more in a bin than its neighbours can
        # take: a sound that repeats itself frame by frame would make the filter swing up.
        gain = self._variance / (self._variance * _widened(power) + self._left_over + HISS)
        path = _signal(self._response + gain * ours.conj() * wrong)
        path[TAPS:] = 0
        self._response = _spectrum(path)
        self._variance *= REMEMBERS * (1 - SHARE * gain * power)
        self._variance += (1 - REMEMBERS) * _power(self._response)


def _spectrum(signal: Signal) -> Spectrum:
    return np.fft.rfft(signal)  # of float32, complex64


def _signal(spectrum: Spectrum) -> Signal:
    return np.fft.irfft(spectrum).astype(np.float32, copy=False)


def _power(spectrum: Spectrum) -> Signal:
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)


def _widened(power: Signal) -> Signal:
    """Each bin as strong as the strongest of its neighbours."""
    wide = power.copy()
    np.maximum(wide[1:], power[:-1], out=wide[1:])
    np.maximum(wide[:-1], power[1:], out=wide[:-1])
    return wide
