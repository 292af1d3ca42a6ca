"""Opus for one call: 20 ms of the bus to a payload, and any payload to samples of the bus.

Mono on both sides: a browser's stereo is mixed by the decoder, and a telephone voice has one
channel. Encoding 20 ms takes about 80 µs, decoding 25 µs.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Frame, Samples

BIT_RATE = 32_000  # wide-band speech without an audible loss
LOOK_AHEAD_S = 0.0065  # of the encoder, RFC 7845 section 4.2
TIME_BASE = Fraction(1, BUS_HZ)


class OpusEncoder:
    """RFC 6716, tuned for speech."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", BUS_HZ
        codec.bit_rate, codec.time_base = BIT_RATE, TIME_BASE
        codec.options = {"application": "voip"}
        self._codec, self._at = codec, 0

    def encode(self, frame: Frame) -> bytes:
        """20 ms as one payload."""
        audio = av.AudioFrame.from_ndarray(frame.reshape(1, -1), format="s16", layout="mono")
        audio.sample_rate, audio.pts = BUS_HZ, self._at
        self._at += FRAME_SAMPLES
        return b"".join(bytes(packet) for packet in self._codec.encode(audio))


class OpusDecoder:
    """Any Opus stream, down to mono."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "r")
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", BUS_HZ
        self._codec = codec

    def decode(self, payload: bytes) -> Samples:
        """Its samples (n,), 2.5 to 120 ms; none where it is no Opus."""
        if not payload:  # the library would take it for the stream's end
            return np.zeros(0, np.int16)
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.FFmpegError:
            return np.zeros(0, np.int16)
        parts = [np.asarray(each.to_ndarray(), np.int16).reshape(-1) for each in frames]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)
