"""PCM that arrives in pieces of any length, with or without a WAV header, as whole samples."""

from __future__ import annotations

import numpy as np
import soxr

from bot.audio import wav
from bot.audio.frame import Samples

LONGEST_HEADER = 4096  # bytes; a stream whose samples begin later is no WAV we know


class PcmReader:
    """Feed it bytes, get int16 samples of shape (n,) at `rate_hz`."""

    def __init__(self, rate_hz: int, *, wav_header: bool = False) -> None:
        self._rate_hz = rate_hz
        self._in_header = wav_header
        self._channels = 1
        self._held = b""
        self._resampler: soxr.ResampleStream | None = None

    def feed(self, data: bytes) -> Samples:
        """What `data` completes, perhaps nothing. Raises ValueError for a header it cannot read."""
        held = self._held + data
        if self._in_header:
            at = self._header_end(held)
            if at is None:
                self._held = held
                return np.zeros(0, np.int16)
            held = held[at:]
        block = wav.SAMPLE_BYTES * self._channels
        whole = len(held) // block * block
        self._held = held[whole:]
        return self._resampled(wav.deinterleave(held[:whole], self._channels)[0], last=False)

    def finish(self) -> Samples:
        """What the resampler still holds. Raises ValueError when the header never ended."""
        if self._in_header:
            raise ValueError("not a WAV: it has no samples")
        return self._resampled(np.zeros(0, np.int16), last=True)

    def _header_end(self, held: bytes) -> int | None:
        """Offset of the first sample, None while the header is incomplete."""
        try:
            info = wav.parse(held)
        except ValueError:
            if b"data" in held[:-8] or len(held) > LONGEST_HEADER:
                raise
            return None
        self._in_header = False
        self._channels = info.channels
        if info.rate_hz != self._rate_hz:
            self._resampler = soxr.ResampleStream(
                info.rate_hz, self._rate_hz, 1, dtype="int16", quality="HQ"
            )
        return info.data_at

    def _resampled(self, samples: Samples, *, last: bool) -> Samples:
        if self._resampler is None:
            return samples
        out: Samples = self._resampler.resample_chunk(samples, last=last)
        return out
