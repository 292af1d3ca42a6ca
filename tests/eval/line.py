"""A telephone line on the virtual clock: noise, our own echo, G.711, and the way to the bus."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bot.audio.frame import Frame
from bot.audio.resample import Downsampler, Upsampler
from tests.eval.cache import Pcm
from tests.eval.corpus import babble
from tests.eval.noises import HZ, Sound
from tests.support.g711 import CODECS

FRAME = HZ // 50
HISS_DB = -68.0  # a quiet line is not digital silence
Noise = Literal["", "white", "babble"]


@dataclass(frozen=True)
class Echo:
    """How the bot's own voice comes back."""

    delay_ms: float
    return_loss_db: float


@dataclass(frozen=True)
class LineSettings:
    codec: str = "PCMU"
    noise: Noise = ""
    noise_db: float = HISS_DB  # level of the noise, dBFS
    echo: Echo | None = None


class Line:
    """One call's both directions, a frame at a time."""

    def __init__(self, settings: LineSettings, dice: np.random.Generator) -> None:
        self._settings, self._dice = settings, dice
        self._codec = CODECS[settings.codec]
        self._up, self._down = Upsampler(HZ), Downsampler(HZ)
        self._at = int(dice.integers(HZ * 30))
        self._tail = echo_tail(settings.echo, dice)
        kept = len(self._tail) + FRAME  # what the last tap needs for the frame's first sample
        self._sent: deque[float] = deque(np.zeros(kept), maxlen=kept)
        self._echo = np.zeros(FRAME)

    def to_bot(self, voice: Sound) -> Frame:
        """The caller's next 20 ms, FRAME samples at HZ, full scale 1, as the engine gets it."""
        mixed = voice + self._background() + self._echo
        pcm = np.clip(np.round(mixed * 32768), -32768, 32767).astype(np.int16)
        return self._up.process(self._codec.decode(self._codec.encode(pcm)))

    def from_bot(self, frame: Frame) -> Pcm:
        """The bot's frame as the caller hears it; its echo comes with the next frame in."""
        heard = self._codec.decode(self._codec.encode(self._down.process(frame)))
        if len(self._tail):
            self._sent.extend(heard / 32768)
            past = np.array(self._sent)
            self._echo = np.convolve(past, self._tail)[len(past) - FRAME : len(past)]
        return heard

    def _background(self) -> Sound:
        hiss = self._dice.standard_normal(FRAME) * 10 ** (HISS_DB / 20)
        gain = 10 ** (self._settings.noise_db / 20)
        if self._settings.noise == "white":
            return hiss + self._dice.standard_normal(FRAME) * gain
        if self._settings.noise == "babble":
            crowd = babble()
            self._at += FRAME
            return hiss + crowd[(self._at + np.arange(FRAME)) % len(crowd)] * gain
        return hiss


def echo_tail(echo: Echo | None, dice: np.random.Generator) -> Sound:
    """Impulse response of the echo path: the delay, then 16 ms of a hybrid's or a room's decay.

    Its energy is what the return loss says. The path back to us takes one frame by itself.
    """
    if echo is None:
        return np.zeros(0)
    shape = dice.standard_normal(HZ * 16 // 1000) * np.exp(-np.arange(HZ * 16 // 1000) / 24)
    shape[0] = 2.0
    shape *= 10 ** (-echo.return_loss_db / 20) / np.sqrt((shape**2).sum())
    delay = max(0, round(echo.delay_ms / 1000 * HZ) - FRAME)
    return np.concatenate([np.zeros(delay), shape])
