"""`config.toml` as one frozen model; every key can be overridden by `BOT__SECTION__KEY`.

Relative paths in it are taken from the folder the file lies in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import Field

from bot.addresses import split_address
from bot.clouds import Groq, OpenAiCompat, Sarvam, Section, Webhooks
from bot.errors import ConfigError
from bot.overrides import overlay, secrets_in_clear
from bot.sip_settings import RTP_PORTS, Sip
from bot.speech_settings import Coqui, Speech, half_named, rooted_coqui
from bot.toml_files import inspect, read_toml
from bot.trunk_settings import trunk_faults
from bot.web_settings import Web, WebRtc, rooted_web


class Store(Section):
    """Where call records are kept."""

    path: Path = Field(Path("var/bot.db"), description="the SQLite file")


class Recordings(Section):
    """Stereo WAV of each call: caller left, bot right."""

    enabled: bool = Field(True, description="record every call")
    dir: Path = Field(Path("var/recordings"), description="folder of the recordings")
    rate_hz: Literal[8000, 16000, 48000] = Field(16000, description="their sample rate")


class Personas(Section):
    """Who can answer."""

    dir: Path = Field(Path("personas"), description="folder of the persona files")


class Dialplans(Section):
    """Which number reaches whom."""

    dir: Path = Field(Path("dialplans"), description="folder of the dialplan files")


class Ai(Section):
    """Which providers listen, think and speak."""

    mode: Literal["local", "live", "mock"] = Field(
        "local", description="local: models on this machine; live: cloud; mock: instant fakes"
    )
    stt: str | list[str] = Field(
        "", description="speech-to-text provider, or several in order; empty: what `mode` says"
    )
    llm: str | list[str] = Field(
        "", description="language model provider, or several in order; empty: what `mode` says"
    )
    tts: str | list[str] = Field(
        "", description="text-to-speech provider, or several in order; empty: what `mode` says"
    )
    timeout_s: float = Field(
        8.0, gt=0, le=60, description="deadline of an answer, whoever gives it in the end"
    )
    attempt_s: float = Field(
        3.0, gt=0, le=60, description="after so long one provider is given up for the next"
    )
    hedge: bool = Field(
        False, description="start the next speech-to-text when one is slower than usual"
    )


class Call(Section):
    """How a call is listened to, and what is kept of it."""

    vad: Literal["auto", "webrtc", "silero"] = Field(
        "auto", description="voice activity detector; auto: the better one for the codec"
    )
    record_inputs: bool = Field(
        False, description="keep all the engine was told, for `replay` (about 5 MB a minute)"
    )


class Limits(Section):
    """Bounds nobody may cross, whatever a persona says."""

    dead_air_s: float = Field(6.0, ge=2, le=30, description="longest silence a caller may hear")
    max_call_s: float = Field(1800.0, ge=10, description="a call is said goodbye to after this")
    goodbye_s: float = Field(6.0, ge=1, le=8, description="time to say goodbye at shutdown")


ConditioningStep = Literal[
    "dc_removal",
    "high_pass",
    "low_pass",
    "noise_suppression",
    "agc",
    "speech_emphasis",
    "peak_normalisation",
    "clip_prevention",
]


class Conditioning(Section):
    """What is done to a noisy utterance before it is transcribed."""

    steps: list[ConditioningStep] = Field(
        ["noise_suppression"],
        description="for noisy utterances; also dc_removal, high_pass, low_pass, agc, "
        "speech_emphasis, peak_normalisation, clip_prevention",
    )
    below_snr_db: float = Field(
        12.0, ge=0, le=60, description="an utterance with more signal to noise is left as it came"
    )


class Logs(Section):
    """What the bot tells on standard error; never what callers say or dial."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    format: Literal["console", "json"] = Field("console", description="console or json")


class Config(Section):
    """The whole of config.toml."""

    sip: Sip = Sip()
    web: Web = Web()
    webrtc: WebRtc = WebRtc()
    store: Store = Store()
    recordings: Recordings = Recordings()
    personas: Personas = Personas()
    dialplans: Dialplans = Dialplans()
    ai: Ai = Ai()
    groq: Groq = Groq()
    sarvam: Sarvam = Sarvam()
    openai_compat: OpenAiCompat = OpenAiCompat()
    webhooks: Webhooks = Webhooks()
    call: Call = Call()
    limits: Limits = Limits()
    speech: Speech = Speech()
    coqui: Coqui = Coqui()
    conditioning: Conditioning = Conditioning()
    logs: Logs = Logs()

    @property
    def sip_socket(self) -> Path:
        """Where the SIP worker takes orders."""
        return self.store.path.parent / "sip.sock"


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read `path`, lay the environment over it, resolve paths.

    Raises ConfigError for the first fault; `check_config` tells them all.
    """
    config, wrong = check_config(path, environ)
    if wrong or config is None:
        raise wrong[0]
    return config


def check_config(
    path: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Config | None, list[ConfigError]]:
    """The config and every fault of it.

    Sections that have a fault are at their defaults, so that the rest can be looked at too. None
    when the file cannot be read at all.
    """
    try:
        raw = read_toml(path)
    except ConfigError as error:
        return None, [error]
    origins, wrong = overlay(raw, environ, Config.model_fields)
    wrong += secrets_in_clear(raw, path, origins)
    config, found = inspect(Config, raw, path, origins)
    if config is None:
        sound = {
            name: table
            for name, table in raw.items()
            if inspect(Config, {name: table}, path)[0] is not None
        }
        config = Config.model_validate(sound)
    config = rooted(config, path.resolve().parent)
    across = (_clashes(config, path), half_named(config.coqui, path))
    return config, [*wrong, *found, *chain(*across, trunk_faults(config.sip.trunk, path))]


def rooted(config: Config, root: Path) -> Config:
    """The same config with every path absolute."""
    return config.model_copy(
        update={
            "web": rooted_web(config.web, root),
            "store": Store(path=root / config.store.path),
            "recordings": config.recordings.model_copy(
                update={"dir": root / config.recordings.dir}
            ),
            "personas": Personas(dir=root / config.personas.dir),
            "dialplans": Dialplans(dir=root / config.dialplans.dir),
            "speech": config.speech.model_copy(update={"socket": root / config.speech.socket}),
            "coqui": rooted_coqui(config.coqui, root),
        }
    )


def _clashes(config: Config, path: Path) -> list[ConfigError]:
    """Ports that are wanted twice; port 0 (any free one) never clashes."""
    sip, web = split_address(config.sip.bind)[1], split_address(config.web.bind)[1]
    first, last = rtp_ports(config)
    wrong = []
    if sip and sip == web:
        what = f"has port {web}, which sip.bind uses."
        wrong.append(ConfigError(str(path), "web.bind", what, "Give one of them another port."))
    if first <= sip <= last:
        what = f"makes RTP use ports {first} to {last}, and sip.bind is on {sip}."
        wrong.append(ConfigError(str(path), "sip.rtp_port", what, "Move it out of the way."))
    return wrong


def rtp_ports(config: Config) -> tuple[int, int]:
    """First and last UDP port that calls may use, in turn."""
    first = config.sip.rtp_port
    return first, first + RTP_PORTS - 1
