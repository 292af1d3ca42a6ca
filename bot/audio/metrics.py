"""How good is what was heard? Signal to noise, flatness and clipping of an utterance so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_MS, FRAME_SAMPLES, Frame, Samples, level_db
from bot.audio.vad import Heard

BAND_HZ = (300, 3400)  # what a telephone carries
LOOK_EVERY = 4  # speech frames; flatness needs no more, and an FFT costs 15 µs
STEADY_DB = 1.5
LEAST_NOISE_S = 0.3  # less may be a gap between two words
CLIPPED = 32_700  # samples at or beyond: full scale, less what a codec's rounding takes

_WINDOW = np.hanning(FRAME_SAMPLES).astype(np.float32)
_FROM, _TO = (round(hz * FRAME_SAMPLES / BUS_HZ) for hz in BAND_HZ)


@dataclass(frozen=True, slots=True)
class Quality:
    """What an utterance was like as it came, over the frames of it that hold speech."""

    snr_db: float  # mean level over the noise floor
    level_db: float  # mean level, dBFS
    flatness: float  # mean spectral flatness, see frame_flatness
    clipped: float  # share of samples at full scale, 0 to 1


def snr_over(quality: Quality, noise: Samples, rate_hz: int = BUS_HZ) -> float:
    """Speech level over the level of the noise that was learnt at `rate_hz`, in dB.

    Other than the detector's floor it is no minimum and has no upper bound, so voices in the room
    and a loud line count in full. Without noise it is the detector's.
    """
    if len(noise) < LEAST_NOISE_S * rate_hz:
        return quality.snr_db
    return quality.level_db - level_db(noise)


def steady(noise: Samples, rate_hz: int = BUS_HZ) -> bool:
    """Is the noise the same all the time, as a hiss is and voices in a room are not?

    Half of its frames lie within STEADY_DB: measured .4 to 1.1 dB for white noise on a telephone
    line, 2 dB and more for babble.
    """
    frame = rate_hz * FRAME_MS // 1000
    levels = [level_db(noise[at : at + frame]) for at in range(0, len(noise) - frame + 1, frame)]
    if not levels:
        return False
    low, high = np.percentile(levels, (25, 75))
    return bool(high - low < STEADY_DB)


def frame_flatness(frame: Frame) -> float:
    """Spectral flatness in the telephone band: 0 a tone, about .6 white noise, speech below .3.

    The geometric over the arithmetic mean of the power spectrum; one frame of noise does not
    reach 1 because its spectrum is an estimate from one window.
    """
    spectrum = np.fft.rfft(frame * _WINDOW)[_FROM:_TO]
    power = spectrum.real**2 + spectrum.imag**2 + 1.0
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))


class UtteranceMetrics:
    """Fed the frames of one utterance that hold speech."""

    def __init__(self) -> None:
        self._frames = self._looked = 0
        self._snr_db = self._level_db = self._flatness = 0.0
        self._clipped = 0

    def add(self, frame: Frame, heard: Heard) -> None:
        if self._frames % LOOK_EVERY == 0:
            self._flatness += frame_flatness(frame)
            self._looked += 1
            self._clipped += int(np.count_nonzero(np.abs(frame.astype(np.int32)) >= CLIPPED))
        self._frames += 1
        self._snr_db += heard.snr_db
        self._level_db += heard.level_db

    @property
    def snr_db(self) -> float:
        """Mean of the speech frames' level over the noise floor; 0 before any."""
        return self._snr_db / max(1, self._frames)

    @property
    def level_db(self) -> float:
        """Mean of the speech frames' level, dBFS; 0 before any."""
        return self._level_db / max(1, self._frames)

    @property
    def flatness(self) -> float:
        """Mean spectral flatness, see frame_flatness."""
        return self._flatness / max(1, self._looked)

    @property
    def clipped(self) -> float:
        """Share of samples at full scale, 0 to 1."""
        return self._clipped / max(1, self._looked * FRAME_SAMPLES)

    def quality(self) -> Quality:
        """All of it at this moment."""
        return Quality(self.snr_db, self.level_db, self.flatness, self.clipped)
