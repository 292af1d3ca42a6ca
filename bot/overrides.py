"""What the environment says over config.toml, and what may not stand in either.

Every key is `BOT__SECTION__KEY`. `AI_MODE`, `STT_PROVIDER`, `LLM_PROVIDER` and `TTS_PROVIDER` are
heard too, as in the system this one replaces; `BOT__…` wins over them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.secrets import take_secrets
from bot.toml_files import Origins, Place, key_name

ENV_PREFIX = "BOT__"
SHORT_NAMES = {
    "AI_MODE": "mode", "STT_PROVIDER": "stt", "LLM_PROVIDER": "llm", "TTS_PROVIDER": "tts",
}  # fmt: skip
FORMER_PROVIDERS = {"whisper": "whisper_local"}  # as STT_PROVIDER called them


def overlay(
    raw: dict[str, Any], environ: Mapping[str, str], sections: Collection[str]
) -> tuple[Origins, list[ConfigError]]:
    """Put each `BOT__SECTION__KEY` into `raw`; where each went, and those that fit nowhere."""
    origins = _short_names(raw, environ)
    wrong: list[ConfigError] = []
    for name, text in sorted(environ.items()):
        if not name.startswith(ENV_PREFIX):
            continue
        section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
        table = raw.setdefault(section, {}) if key else None
        if not isinstance(table, dict):
            what = "is no BOT__SECTION__KEY." if not key else f"{section} is not a table."
            wrong.append(ConfigError("environment", name, what, "Mend its name or unset it."))
            continue
        origins[(section, key) if section in sections else (section,)] = name
        table[key] = toml_value(text)
    return origins, wrong


def _short_names(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[Place, str]:
    """Put `AI_MODE` and its like into `raw`; where each went."""
    origins: dict[Place, str] = {}
    for name, key in SHORT_NAMES.items():
        value = environ.get(name, "").strip()
        table = raw.setdefault("ai", {}) if value else None
        if isinstance(table, dict):
            table[key] = FORMER_PROVIDERS.get(value, value)
            origins["ai", key] = name
    return origins


def secrets_in_clear(raw: dict[str, Any], path: Path, origins: Origins) -> Iterator[ConfigError]:
    """A fault for each key or password that stands in the file, which is taken out, not shown."""
    for place in take_secrets(raw):
        what = "holds a secret in clear."
        remedy = "Remove it; export it as GROQ_API_KEY or SARVAM_API_KEY, or name a file that "
        remedy += "holds it, as GROQ_API_KEY_FILE."
        if place[:2] == ("sip", "trunk"):
            remedy = "Remove it; export it as SIP_TRUNK_NAME_PASSWORD, NAME being the trunk's, or "
            remedy += "name a file that holds it, as SIP_TRUNK_NAME_PASSWORD_FILE."
        origin = next((origins[place[:n]] for n in (len(place), 2) if place[:n] in origins), "")
        file, key = ("environment", origin) if origin else (str(path), key_name(place))
        yield ConfigError(file, key, what, remedy)


def toml_value(text: str) -> Any:
    """A number, true, false, list or "text" as TOML reads it; everything else as it stands."""
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, int | str | list) else text  # pydantic reads the others
