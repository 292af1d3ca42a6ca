"""Settings of speech on this machine: [speech] and [coqui].

The speech worker reads both; what it serves is named in [ai] like any other provider.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from bot.clouds import Section
from bot.errors import ConfigError

COQUI_LIST = "tts_models/"  # so begin the names of Coqui's list


class Speech(Section):
    """The local speech worker."""

    socket: Path = Field(Path("var/speech.sock"), description="Unix socket of its HTTP API")
    whisper: str = Field("tiny.en", description="tiny.en (packaged), a folder, or a hub name")
    voice: str = Field("joe", description="joe (packaged) or the path of a Piper .onnx file")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where Whisper and Coqui compute; auto: on a graphics card if it works"
    )
    threads: int = Field(1, ge=1, le=64, description="threads of one transcription")


class Coqui(Section):
    """A voice of Coqui's, loaded when a provider `coqui` is named; needs `make coqui`."""

    model: str = Field(
        "tts_models/en/vctk/vits",
        min_length=1,
        description="a model of Coqui's list, fetched once, or the path of a checkpoint",
    )
    config: str = Field("", description="with a path: the config.json that belongs to it")
    speaker: str = Field(
        "", description="who speaks when the persona names nobody; empty: p225, or the first"
    )

    @property
    def is_path(self) -> bool:
        """Is `model` a checkpoint rather than a name of Coqui's list?"""
        return not self.model.startswith(COQUI_LIST)


def rooted_coqui(coqui: Coqui, root: Path) -> Coqui:
    """Its paths made absolute, from `root` on; a name of the list stays a name."""
    if not coqui.is_path:
        return coqui
    model = str(root / Path(coqui.model).expanduser())
    config = coqui.config and str(root / Path(coqui.config).expanduser())
    return coqui.model_copy(update={"model": model, "config": config})


def half_named(coqui: Coqui, path: Path) -> list[ConfigError]:
    """A checkpoint whose config nobody named, as a fault of the file `path`."""
    if coqui.config or not coqui.is_path:
        return []
    what = "is empty, and coqui.model is a path."
    remedy = "Name the config.json that belongs to it, or a model of Coqui's list."
    return [ConfigError(str(path), "coqui.config", what, remedy)]
