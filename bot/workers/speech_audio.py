"""Audio that was uploaded, as the samples Whisper wants."""

from __future__ import annotations

import io

import numpy as np
import soxr

from bot.audio import wav
from bot.audio.frame import FULL_SCALE, Samples


def decode_upload(data: bytes, rate_hz: int) -> Samples:
    """Any audio file as mono samples of shape (n,) at `rate_hz`. Raises ValueError.

    16-bit WAV, which is what the bot sends, takes a short cut; the rest goes through PyAV.
    """
    try:
        channels, file_hz = wav.decode(data)
    except ValueError:
        return decode_with_av(data, rate_hz)
    mono = channels[0] if len(channels) == 1 else channels.mean(axis=0).astype(np.int16)
    return mono if file_hz == rate_hz else resampled(mono, file_hz, rate_hz)


def resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """A whole clip at another rate, shape (n,)."""
    out: Samples = soxr.resample(samples, from_hz, to_hz)
    return out


def decode_with_av(data: bytes, rate_hz: int) -> Samples:
    import av
    from faster_whisper import decode_audio

    try:
        floats = decode_audio(io.BytesIO(data), sampling_rate=rate_hz)
    except (av.FFmpegError, ValueError, IndexError) as error:  # IndexError: no audio stream
        raise ValueError(f"not an audio file ({type(error).__name__})") from None
    pcm: Samples = np.clip(floats * FULL_SCALE, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return pcm
