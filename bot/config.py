"""`config.toml` as one frozen model; every key can be overridden by `BOT__SECTION__KEY`.

Relative paths in it are taken from the folder the file lies in.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.toml_files import read_toml, validate

ENV_PREFIX = "BOT__"


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Address = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$")]


class Sip(Section):
    """The telephone side."""

    bind: Address = Field("0.0.0.0:5060", description="address:port for SIP over UDP and TCP")
    max_calls: int = Field(4, ge=1, le=4, description="calls at once; the next one hears busy")
    codecs: list[Literal["PCMU", "PCMA", "G722"]] = Field(
        ["PCMU", "PCMA", "G722"], min_length=1, description="offered and accepted, best first"
    )
    rtp_port: int = Field(4000, ge=1024, le=65000, description="first UDP port for RTP")


class Web(Section):
    """The pages."""

    bind: Address = Field("127.0.0.1:8080", description="address:port of the web pages")


class Store(Section):
    """Where call records are kept."""

    path: Path = Field(Path("var/bot.db"), description="the SQLite file")


class Recordings(Section):
    """Stereo WAV of each call: caller left, bot right."""

    enabled: bool = True
    dir: Path = Path("var/recordings")
    rate_hz: Literal[8000, 16000, 48000] = 16000


class Folder(Section):
    dir: Path


class Ai(Section):
    """Which providers listen, think and speak."""

    mode: Literal["local", "live", "mock"] = Field(
        "local", description="local: models on this machine; live: cloud; mock: instant fakes"
    )
    stt: str = Field("", description="provider name; empty: what `mode` says")
    llm: str = ""
    tts: str = ""
    timeout_s: float = Field(8.0, gt=0, le=60, description="deadline of one provider call")


class Limits(Section):
    """Bounds nobody may cross, whatever a persona says."""

    dead_air_s: float = Field(5.0, ge=2, le=30, description="longest silence a caller may hear")
    max_call_s: float = Field(1800.0, ge=10, description="a call is said goodbye to after this")
    goodbye_s: float = Field(8.0, ge=1, le=9, description="time to say goodbye at shutdown")


class Speech(Section):
    """The local speech worker."""

    socket: Path = Field(Path("var/speech.sock"), description="Unix socket of its HTTP API")
    whisper: str = Field("tiny.en", description="tiny.en (packaged), a folder, or a hub name")
    voice: str = Field("joe", description="joe (packaged) or the path of a Piper .onnx file")
    threads: int = Field(1, ge=1, le=64, description="threads of one transcription")


class Logs(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Config(Section):
    """The whole of config.toml."""

    sip: Sip = Sip()
    web: Web = Web()
    store: Store = Store()
    recordings: Recordings = Recordings()
    personas: Folder = Folder(dir=Path("personas"))
    dialplans: Folder = Folder(dir=Path("dialplans"))
    ai: Ai = Ai()
    limits: Limits = Limits()
    speech: Speech = Speech()
    logs: Logs = Logs()


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read `path`, lay the environment over it, resolve paths. Raises ConfigError."""
    raw = read_toml(path)
    overlay(raw, environ)
    config = validate(Config, raw, path)
    return rooted(config, path.resolve().parent)


def overlay(raw: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Put each `BOT__SECTION__KEY` into `raw`; values are TOML where they parse, else strings."""
    for name, text in environ.items():
        if not name.startswith(ENV_PREFIX):
            continue
        *sections, key = name.removeprefix(ENV_PREFIX).lower().split("__")
        table = raw
        for section in sections:
            table = table.setdefault(section, {})
        table[key] = toml_value(text)


def toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def rooted(config: Config, root: Path) -> Config:
    """The same config with every path absolute."""
    return config.model_copy(
        update={
            "store": config.store.model_copy(update={"path": root / config.store.path}),
            "recordings": config.recordings.model_copy(
                update={"dir": root / config.recordings.dir}
            ),
            "personas": Folder(dir=root / config.personas.dir),
            "dialplans": Folder(dir=root / config.dialplans.dir),
            "speech": config.speech.model_copy(update={"socket": root / config.speech.socket}),
        }
    )
