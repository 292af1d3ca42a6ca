"""Opus in mono, in the event loop: 20 ms cost a tenth of a millisecond, less than a thread's turn.

A browser offers opus/48000/2 whatever it sends; mono packets are part of every Opus stream.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal, TypeAlias

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.codec import CodecContext
from av.packet import Packet

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples

OpusPacket: TypeAlias = "Packet[Any]"

BIT_RATE = 32_000  # speech; aiortc's own encoder sends music quality, 96 kbit/s stereo
EFFORT = 5  # of 0 to 10
LOOKAHEAD_S = 0.0065  # what the encoder holds back
TIME_BASE = Fraction(1, BUS_HZ)
MAX_SAMPLES = BUS_HZ * 120 // 1000  # the longest packet Opus knows


def _context(mode: Literal["r", "w"]) -> AudioCodecContext:
    context = CodecContext.create("libopus", mode)
    context.format = "s16"
    context.layout = "mono"
    context.sample_rate = BUS_HZ
    return context


class OpusEncoder:
    """Frames of one party, in order."""

    def __init__(self) -> None:
        self._codec = _context("w")
        self._codec.bit_rate = BIT_RATE
        self._codec.time_base = TIME_BASE
        self._codec.options = {"application": "voip", "compression_level": str(EFFORT)}
        self._at = 0  # samples so far

    def encode(self, pcm: bytes) -> OpusPacket:
        """One frame's packet; its pts is the RTP timestamp, counted from 0."""
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = BUS_HZ
        frame.time_base = TIME_BASE
        frame.pts = self._at
        (packet,) = self._codec.encode(frame)
        packet.pts = self._at
        packet.time_base = TIME_BASE
        self._at += FRAME_SAMPLES
        return packet


class OpusDecoder:
    """Packets of one stream, in order; stereo comes out mixed down."""

    def __init__(self) -> None:
        self._codec = _context("r")

    def decode(self, payload: bytes) -> Samples | None:
        """A packet's audio, 2.5 to 120 ms; None when it is none."""
        if not payload:  # would tell the codec that the stream is over
            return None
        try:
            frames = self._codec.decode(Packet(payload))
        except av.FFmpegError:
            return None
        parts = [
            np.frombuffer(memoryview(frame.planes[0]), np.int16)[: frame.samples]
            for frame in frames
        ]
        if not parts:
            return None
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole if len(whole) <= MAX_SAMPLES else None
