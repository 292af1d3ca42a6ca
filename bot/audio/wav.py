"""WAV as bytes: 16-bit PCM headers, their parsing, and the weaving of channels.

No file is opened here; whoever owns one writes these bytes. Layout: RIFF/WAVE after the
Multimedia Programming Interface and Data Specifications 1.0 (IBM, Microsoft, 1991).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import Samples

HEADER_BYTES = 44
SAMPLE_BYTES = 2
MAX_DATA_BYTES = 0xFFFFFFFF - HEADER_BYTES  # sizes are unsigned 32 bit
_PCM = 1
_EXTENSIBLE = 0xFFFE
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


@dataclass(frozen=True, slots=True)
class WavInfo:
    """What a header tells."""

    rate_hz: int
    channels: int
    data_at: int  # offset of the first sample in bytes
    data_bytes: int  # whole sample blocks only

    @property
    def seconds(self) -> float:
        return self.data_bytes / (self.rate_hz * self.channels * SAMPLE_BYTES)


def header(rate_hz: int, channels: int, data_bytes: int) -> bytes:
    """The HEADER_BYTES in front of `data_bytes` of interleaved little-endian int16."""
    if not 0 <= data_bytes <= MAX_DATA_BYTES:
        raise ValueError(f"a WAV holds at most {MAX_DATA_BYTES} bytes of audio, not {data_bytes}")
    block = channels * SAMPLE_BYTES
    riff_bytes = HEADER_BYTES - 8 + data_bytes
    return _HEADER.pack(
        b"RIFF", riff_bytes, b"WAVE",
        b"fmt ", 16, _PCM, channels, rate_hz, rate_hz * block, block, SAMPLE_BYTES * 8,
        b"data", data_bytes,
    )  # fmt: skip


def parse(data: bytes) -> WavInfo:
    """Read the header in front of `data`, which may be a whole file or its beginning.

    A data size that promises more than is there (streams write 0 or 0xFFFFFFFF) is cut to what
    is there. Raises ValueError for anything but 16-bit PCM.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV: it does not begin with RIFF and WAVE")
    fmt: tuple[int, int, int] | None = None  # channels, rate, bytes per block
    for name, at, size in _chunks(data):
        if name == b"fmt ":
            fmt = _format(data[at : at + size])
        elif name == b"data":
            if fmt is None:
                raise ValueError("not a WAV: samples come before their format")
            channels, rate_hz, block = fmt
            there = len(data) - at
            promised = size if 0 < size <= there else there
            return WavInfo(rate_hz, channels, at, promised - promised % block)
    raise ValueError("not a WAV: it has no samples")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset of the content, size) of each chunk after the RIFF header."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, size
        at += 8 + size + size % 2  # chunks are padded to even length


def _format(content: bytes) -> tuple[int, int, int]:
    if len(content) < 16:
        raise ValueError("not a WAV: its format chunk is cut off")
    tag, channels, rate_hz, _, block, bits = struct.unpack_from("<HHIIHH", content)
    if tag == _EXTENSIBLE and len(content) >= 26:
        tag = int.from_bytes(content[24:26], "little")
    if tag != _PCM or bits != SAMPLE_BYTES * 8:
        raise ValueError(f"only 16-bit PCM is read, this is format {tag} with {bits} bits")
    if not channels or not rate_hz or block != channels * SAMPLE_BYTES:
        raise ValueError("not a WAV: its format contradicts itself")
    return channels, rate_hz, block


def interleave(left: Samples, right: Samples) -> bytes:
    """Two channels of equal length as L R L R …, little-endian. Raises ValueError if unequal."""
    if len(left) != len(right):
        raise ValueError(f"channels differ in length: {len(left)} and {len(right)}")
    woven = np.empty((len(left), 2), "<i2")
    woven[:, 0] = left
    woven[:, 1] = right
    return woven.tobytes()


def deinterleave(data: bytes, channels: int) -> NDArray[np.int16]:
    """Interleaved bytes as int16 of shape (channels, n); a cut-off last block is left out."""
    usable = len(data) - len(data) % (channels * SAMPLE_BYTES)
    woven = np.frombuffer(data[:usable], "<i2").reshape(-1, channels)
    return np.ascontiguousarray(woven.T, np.int16)


def encode(samples: Samples, rate_hz: int) -> bytes:
    """Mono samples as a whole WAV file."""
    body = samples.astype("<i2", copy=False).tobytes()
    return header(rate_hz, 1, len(body)) + body


def decode(data: bytes) -> tuple[NDArray[np.int16], int]:
    """A whole WAV file as (int16 of shape (channels, n), rate in Hz). Raises ValueError."""
    info = parse(data)
    body = data[info.data_at : info.data_at + info.data_bytes]
    return deinterleave(body, info.channels), info.rate_hz
