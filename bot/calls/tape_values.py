"""The engine's inputs, actions and settings as JSON, and back, exactly.

Everything is read off the dataclasses: a new input needs no line here. Floats are kept to the last
bit (repr and back); samples lie beside the JSON, which holds what `keep` makes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from bot.audio.frame import Samples
from bot.audio.metrics import Quality
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import EngineSettings
from bot.errors import StoreError
from bot.persona import Persona

KIND = "is"  # the key that names a dataclass
KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (*get_args(told.Input), *get_args(do.Action), do.Line, Quality)
}

Keep = Callable[[Samples], Any]
Fetch = Callable[[Any], Samples]


def encode(value: Any, keep: Keep) -> Any:
    """A frozen dataclass of plain values, enums, tuples, samples and the like as JSON.

    Raises TypeError for anything else: what cannot be told exactly is not told at all.
    """
    match value:
        case Enum():
            return value.value
        case np.generic():
            return value.item()
        case None | bool() | int() | float() | str():
            return value
        case tuple() | list():
            return [encode(each, keep) for each in value]
        case np.ndarray() if value.dtype == np.int16 and value.ndim == 1:
            return keep(value)
    kind = type(value)
    if KINDS.get(kind.__name__) is not kind:
        raise TypeError(f"a tape cannot hold {kind.__name__}")
    told_fields = {each.name: encode(getattr(value, each.name), keep) for each in fields(kind)}
    return {KIND: kind.__name__} | told_fields


def decode(data: Any, fetch: Fetch) -> Any:
    """What `encode` was given. Raises StoreError for a kind or field unknown here."""
    kind = KINDS.get(data[KIND])
    if kind is None or set(data) - {KIND} != {each.name for each in fields(kind)}:
        raise StoreError(f"The tape holds a {data[KIND]} this bot does not know.")
    hints = _hints(kind)
    return kind(**{name: _as(hints[name], data[name], fetch) for name in hints})


def _as(hint: Any, data: Any, fetch: Fetch) -> Any:
    """`data` as a value of the annotated type."""
    options = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        plain = next(each for each in options if each is not type(None))
        return None if data is None else _as(plain, data, fetch)
    if get_origin(hint) is tuple:
        return tuple(_as(options[0], each, fetch) for each in data)
    if get_origin(hint) is np.ndarray:
        return fetch(data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    return decode(data, fetch) if is_dataclass(hint) else data


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def encode_settings(settings: EngineSettings) -> dict[str, Any]:
    """The plain fields and the persona; what is an object is made anew by whoever reads them."""
    told_fields: dict[str, Any] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if isinstance(value, Persona):
            told_fields[each.name] = value.model_dump(mode="json")
        elif isinstance(value, bool | int | float | str):
            told_fields[each.name] = value.value if isinstance(value, Enum) else value
    return told_fields


def decode_settings(data: dict[str, Any]) -> EngineSettings:
    """Settings as recorded; a field that is newer than the tape has its default.

    Raises StoreError when the tape knows a field, or a persona key, that is gone here.
    """
    gone = set(data) - {each.name for each in fields(EngineSettings)}
    if gone:
        raise StoreError(f"The tape has the engine setting {min(gone)}, which is unknown here.")
    try:
        persona = Persona.model_validate(data["persona"])
    except ValueError as error:
        raise StoreError(f"The tape's persona does not fit this bot: {error}") from None
    return EngineSettings(**data | {"persona": persona})
