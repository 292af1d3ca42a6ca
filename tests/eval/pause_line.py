"""A wide-band telephone line: noise and G.722 at 16 kHz, beside the G.711 of line.py."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import av
import numpy as np
import soxr

from bot.audio.frame import Frame
from bot.audio.resample import Upsampler
from tests.eval.cache import Pcm
from tests.eval.corpus import babble
from tests.eval.line import HISS_DB, Line, LineSettings
from tests.eval.noises import HZ, Sound

WIDE_HZ = 16_000
WIDE_FRAME = WIDE_HZ // 50
G722 = "G722"


class G722Codec:
    """Coder and decoder of one direction; both remember what went before."""

    def __init__(self) -> None:
        self._encoder = _context("w")
        self._decoder = _context("r")
        self._at = 0

    def through(self, pcm: Pcm) -> Pcm:
        """20 ms as they come out at the far end."""
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts = WIDE_HZ, self._at
        self._at += len(pcm)
        return np.concatenate(list(self._decoded(frame)))

    def _decoded(self, frame: av.AudioFrame) -> Iterator[Pcm]:
        for packet in self._encoder.encode(frame):
            for heard in self._decoder.decode(packet):
                yield heard.to_ndarray().ravel()


def _context(mode: str) -> av.AudioCodecContext:
    context = av.CodecContext.create("g722", mode)
    context.sample_rate, context.layout, context.format = WIDE_HZ, "mono", "s16"
    context.bit_rate = 64_000
    context.open()
    return context


class WideLine:
    """The caller's direction of a G.722 call, a frame at a time."""

    def __init__(self, settings: LineSettings, dice: np.random.Generator) -> None:
        self._settings, self._dice = settings, dice
        self._codec, self._up = G722Codec(), Upsampler(WIDE_HZ)
        self._at = int(dice.integers(WIDE_HZ * 30))

    def to_bot(self, voice: Sound) -> Frame:
        """The caller's next 20 ms, WIDE_FRAME samples, full scale 1, as the engine gets it."""
        mixed = voice + self._background()
        pcm = np.clip(np.round(mixed * 32768), -32768, 32767).astype(np.int16)
        return self._up.process(self._codec.through(pcm))

    def _background(self) -> Sound:
        hiss = self._dice.standard_normal(WIDE_FRAME) * 10 ** (HISS_DB / 20)
        gain = 10 ** (self._settings.noise_db / 20)
        if self._settings.noise == "white":
            return hiss + self._dice.standard_normal(WIDE_FRAME) * gain
        if self._settings.noise == "babble":
            crowd = _wide_babble()
            self._at += WIDE_FRAME
            return hiss + crowd[(self._at + np.arange(WIDE_FRAME)) % len(crowd)] * gain
        return hiss


@cache
def _wide_babble() -> Sound:
    """The crowd of the narrow lines: theirs is a telephone's, too."""
    wide: Sound = soxr.resample(babble(), HZ, WIDE_HZ)
    return wide


def line_of(settings: LineSettings, dice: np.random.Generator) -> tuple[Line | WideLine, int]:
    """The line, and how many samples a second it takes."""
    if settings.codec == G722:
        return WideLine(settings, dice), WIDE_HZ
    return Line(settings, dice), HZ
