"""The settings of a tape's engine, as they were or changed by an admin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.calls.hearing import voice_activity
from bot.calls.tape import Recorded
from bot.calls.tape_values import decode_settings
from bot.config import Config
from bot.engine.engine import CallEngine, EngineSettings
from bot.errors import ConfigError
from bot.overrides import toml_value
from bot.persona import Persona
from bot.toml_files import inspect, suggestion

SET = Path("--set")  # stands where ConfigError names a file
LIMITS = ("dead_air_s", "max_call_s")  # keys of config.toml an engine knows


def fresh_engine(
    tape: Recorded, persona: Persona | None = None, changes: Sequence[str] = ()
) -> CallEngine:
    """An engine with the tape's settings, changed as `changed_settings` tells."""
    settings = changed_settings(tape, persona, changes)
    return CallEngine(replace(settings, vad=voice_activity(tape.vad, settings.codec)))


def changed_settings(
    tape: Recorded, persona: Persona | None = None, changes: Sequence[str] = ()
) -> EngineSettings:
    """The tape's settings; `changes` are "key=value", `persona` comes before them.

    Keys are those of a persona file, limits.dead_air_s and limits.max_call_s. Raises ConfigError
    that names key and remedy, StoreError when the tape's settings do not fit this bot.
    """
    settings = decode_settings(dict(tape.settings))
    if persona is not None:
        settings = replace(settings, persona=persona)
    of_persona = settings.persona.model_dump()
    of_config: dict[str, Any] = {}
    for change in changes:
        key, value = _key_and_value(change)
        _put(of_config if key[0] == "limits" else of_persona, key, value, change)
    settings = replace(settings, persona=_validated(Persona, of_persona))
    return _with_limits(settings, of_config)


def _key_and_value(change: str) -> tuple[list[str], Any]:
    name, equals, text = change.partition("=")
    key = name.strip().split(".")
    if not equals or not all(key):
        what, remedy = "is no key=value.", "Write it like turn.silence_ms=900."
        raise ConfigError(str(SET), change, what, remedy)
    return key, toml_value(text.strip())


def _put(table: dict[str, Any], key: list[str], value: Any, change: str) -> None:
    """Lay one value into nested tables."""
    for step in key[:-1]:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            what, remedy = f"goes into {step}, which is no table.", "Leave that part of it out."
            raise ConfigError(str(SET), change.partition("=")[0], what, remedy)
    table[key[-1]] = value


def _validated(model: type[Any], raw: dict[str, Any]) -> Any:
    found, wrong = inspect(model, raw, SET)
    if found is None:
        raise wrong[0]
    return found


def _with_limits(settings: EngineSettings, of_config: dict[str, Any]) -> EngineSettings:
    given = of_config.get("limits", {})
    limits = _validated(Config, of_config).limits
    for name in given:
        if name not in LIMITS:
            what = "means nothing to a replay."
            raise ConfigError(str(SET), f"limits.{name}", what, suggestion(name, LIMITS))
    return replace(settings, **{name: getattr(limits, name) for name in given})
