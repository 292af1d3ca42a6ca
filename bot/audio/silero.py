"""Silero's voice activity detector on onnxruntime alone: no torch, about 100 µs per 32 ms.

The model (v6, as faster-whisper ships it) takes 512 samples at 16 kHz with the 64 before them and
its two states; the session comes from outside, so that nothing is read from disk here.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import Frame
from bot.audio.resample import Downsampler

HZ = 16_000
CHUNK = 512  # 32 ms
CONTEXT = 64
BEGINS = 0.5  # probability from which a chunk is speech,
GOES_ON = 0.35  # and down to which speech goes on: the model's own hysteresis


class OnnxSession(Protocol):
    """What is used of onnxruntime.InferenceSession."""

    def run(
        self, outputs: None, inputs: dict[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]: ...


class SileroVad:
    """One per call: state, context and hysteresis are its own, the session may be shared."""

    gate_db = 6.0  # it tells noise from speech by itself

    def __init__(self, session: OnnxSession) -> None:
        self._session = session
        self._down = Downsampler(HZ)
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._samples = np.zeros(CONTEXT, np.float32)  # context, then what waits for its chunk
        self.probability = 0.0
        self._speech = False

    def is_speech(self, frame: Frame) -> bool:
        """Feed 20 ms; the verdict is that of the newest whole chunk, up to 32 ms old."""
        new = self._down.process(frame).astype(np.float32) / 32768
        self._samples = np.concatenate([self._samples, new])
        while len(self._samples) >= CONTEXT + CHUNK:
            self._chunk(self._samples[: CONTEXT + CHUNK])
            self._samples = self._samples[CHUNK:]
        return self._speech

    def _chunk(self, samples: NDArray[np.float32]) -> None:
        inputs = {"input": samples[np.newaxis], "h": self._h, "c": self._c}
        probabilities, self._h, self._c = self._session.run(None, inputs)
        self.probability = float(probabilities.ravel()[0])
        self._speech = self.probability >= (GOES_ON if self._speech else BEGINS)
