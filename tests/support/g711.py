"""G.711 by table, made from the decoding rule of ITU-T G.711 alone; shares no code with the bot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


def _mu_law() -> Pcm:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law() -> Pcm:
    code = np.arange(256) ^ 0x55
    step, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest_code(decoded: Pcm) -> NDArray[np.uint8]:
    """For each int16 (index + 32768) the code that decodes closest to it; 0 is the code 0xFF."""
    codes = np.arange(255, -1, -1)
    levels, first = np.unique(decoded[codes].astype(np.int32), return_index=True)
    middles = (levels[1:] + levels[:-1]) / 2
    return codes[first][np.searchsorted(middles, np.arange(-32768, 32768), "right")].astype(
        np.uint8
    )


@dataclass(frozen=True)
class Codec:
    """One law: 8 kHz int16 in, one byte a sample out."""

    name: str
    payload_type: int
    decoded: Pcm  # shape (256,): sample of each code
    encoded: NDArray[np.uint8]  # shape (65536,): code of each sample, index sample + 32768

    @property
    def silence(self) -> int:
        """The code of digital silence."""
        return int(self.encoded[32768])

    def decode(self, payload: bytes) -> Pcm:
        return self.decoded[np.frombuffer(payload, np.uint8)]

    def encode(self, pcm: Pcm) -> bytes:
        return self.encoded[pcm.astype(np.int32) + 32768].tobytes()


def _codec(name: str, payload_type: int, decoded: Pcm) -> Codec:
    return Codec(name, payload_type, decoded, _nearest_code(decoded))


PCMU = _codec("PCMU", 0, _mu_law())
PCMA = _codec("PCMA", 8, _a_law())
CODECS = {codec.name: codec for codec in (PCMU, PCMA)}
