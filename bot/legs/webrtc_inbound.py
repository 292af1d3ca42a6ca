"""A browser's packets become exactly one frame per tick; what is lost is covered up.

A gap goes on with the last pitch period of what was heard and fades out within 80 ms, which hides
a lost packet or two; after that it is silence, as in a pause of a browser that sends nothing then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples
from bot.legs.opus import OpusDecoder
from bot.legs.webrtc_jitter import JitterBuffer

HOLD = BUS_HZ * 20 // 1000  # samples for which a gap is as loud as what was before
FADE = BUS_HZ * 80 // 1000  # samples until it is silent
JOIN = BUS_HZ * 10 // 1000  # samples over which real audio, weak after a gap, takes over
THIN = 8  # the pitch is looked for at 6 kHz
SHORTEST, LONGEST = 15, 120  # its period in those samples: 400 to 50 Hz
WINDOW = 60
HISTORY = FRAME_SAMPLES * 2


class Concealer:
    """Knows the last 40 ms and can go on from there."""

    def __init__(self) -> None:
        self._heard: list[Samples] = []  # the last frames
        self._period: Samples | None = None
        self._at = 0  # samples made up so far

    @property
    def active(self) -> bool:
        return self._at > 0

    @property
    def silent(self) -> bool:
        """Has it faded out, or never heard anything?"""
        return self._at >= FADE or not self._heard

    def hear(self, frame: Samples) -> None:
        self._heard = [*self._heard[-1:], frame]

    def end(self) -> None:
        """Real audio is back."""
        self._period, self._at = None, 0

    def make(self, count: int) -> Samples:
        """The next `count` samples of the gap."""
        at, self._at = self._at, self._at + count
        if at >= FADE or not self._heard:
            return np.zeros(count, np.int16)
        if self._period is None:
            past = np.concatenate(self._heard)[-HISTORY:]
            self._period = past[-_period(past) :]
        index = np.arange(at, at + count)
        gain = np.clip((FADE - index) / (FADE - HOLD), 0.0, 1.0)
        made: Samples = (self._period[index % len(self._period)] * gain).astype(np.int16)
        return made


def _period(past: Samples) -> int:
    """The lag in samples at which the end of `past` is most like itself."""
    thin = past[: len(past) // THIN * THIN].reshape(-1, THIN).mean(axis=1)
    longest = min(LONGEST, len(thin) - WINDOW)
    if longest <= SHORTEST:
        return len(past)
    end = thin[-WINDOW:]
    alike = np.correlate(thin[-WINDOW - longest : -SHORTEST], end)
    power = np.convolve(thin[-WINDOW - longest : -SHORTEST] ** 2, np.ones(WINDOW), "valid")
    lag = (longest - int(np.argmax(alike / np.sqrt(power + 1.0)))) * THIN
    return _refined(past.astype(float), lag)


def _refined(past: NDArray[np.float64], lag: int) -> int:
    """The same to the sample: off by 5 %, the phase would be lost within a frame."""
    end, size = past[-WINDOW * THIN :], WINDOW * THIN
    lags = range(lag - THIN, min(lag + THIN, len(past) - size) + 1)
    return min(lags, key=lambda n: float(np.abs(past[len(past) - size - n : -n] - end).sum()))


class Inbound:
    """One peer connection's incoming audio."""

    def __init__(self) -> None:
        self.jitter = JitterBuffer()
        self._decoder = OpusDecoder()
        self._generation = 0
        self._rest: Samples = np.zeros(0, np.int16)  # decoded beyond the last frame
        self._concealer = Concealer()

    @property
    def delay_s(self) -> float:
        """From a packet's arrival to its frame, smoothed."""
        return self.jitter.delay_s

    def frame(self, now: float) -> tuple[bytes | None, bool]:
        """This tick's audio (None for silence), and whether some of it is made up."""
        if self._generation != self.jitter.generation:
            self._generation = self.jitter.generation
            self._decoder = OpusDecoder()
        frame, lost = self._assemble(now)
        if frame is None:
            return None, True
        if not lost and self.jitter.too_deep() and self._enough():
            second, lost = self._assemble(now)
            if second is not None:
                frame = _melted(frame, second)
        self._concealer.hear(frame)
        return frame.tobytes(), lost

    def _enough(self) -> bool:
        return len(self._rest) >= FRAME_SAMPLES or self.jitter.ready

    def _assemble(self, now: float) -> tuple[Samples | None, bool]:
        parts: list[Samples] = []
        need, lost = FRAME_SAMPLES, False
        while need:
            if not len(self._rest):
                self._decode(now)
            if len(self._rest):
                part, self._rest = self._rest[:need], self._rest[need:]
            else:
                lost = True
                count = self.jitter.gap(need)
                self.jitter.skip(count)
                if count == FRAME_SAMPLES and self._concealer.silent:
                    return None, True
                part = self._concealer.make(count)
            parts.append(part)
            need -= len(part)
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)), lost

    def _decode(self, now: float) -> None:
        """Fill the rest with what is due, if anything is."""
        payload = self.jitter.take(now)
        if payload is None:
            return
        audio = self._decoder.decode(payload)
        self.jitter.played(0 if audio is None else len(audio))
        if audio is None:
            return
        if self._concealer.active:
            audio = self._joined(audio)
            self._concealer.end()
        self._rest = audio

    def _joined(self, audio: Samples) -> Samples:
        count = min(JOIN, len(audio))
        rise = np.arange(count) / count
        joined = audio.copy()
        joined[:count] = audio[:count] * rise + self._concealer.make(count) * (1.0 - rise)
        return joined


_RISE = np.linspace(0.0, 1.0, FRAME_SAMPLES)


def _melted(first: Samples, second: Samples) -> Samples:
    """Two frames in the time of one, without a click."""
    melted: Samples = (first * (1.0 - _RISE) + second * _RISE).astype(np.int16)
    return melted
