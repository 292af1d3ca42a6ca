"""TOML in, pydantic model out, and a ConfigError for each fault that names file, key and remedy.

Entries of a list are counted from one: `routes[2].persona` belongs to the second [[routes]].
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Place: TypeAlias = tuple[str | int, ...]
Origins: TypeAlias = Mapping[Place, str]
"""Where values came from that are not in the file: place in the model → environment variable."""

TYPE_NAMES = {
    "string": "text in quotes", "int": "a whole number", "float": "a number",
    "bool": "true or false", "list": "a list in [ ]", "model": "a table", "dict": "a table",
    "path": "a path in quotes",
}  # fmt: skip
BOUNDS = {
    "greater_than": ("more than", "gt"), "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"), "less_than_equal": ("at most", "le"),
}  # fmt: skip


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError when it is missing or not TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), "", "is not there.", "Create it or name another.") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "", "is not UTF-8 text.", "Save it as UTF-8.") from None
    except OSError as error:
        what = f"cannot be read ({error.strerror})."
        raise ConfigError(str(path), "", what, "Check its rights.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), "", f"is not TOML: {error}.", "Mend that line.") from None


def validate(
    model: type[Model], raw: Mapping[str, Any], path: Path, origins: Origins | None = None
) -> Model:
    """`raw` as a `model`. Raises ConfigError for the first fault; see `inspect` for all."""
    found, wrong = inspect(model, raw, path, origins)
    if found is None:
        raise wrong[0]
    return found


def inspect(
    model: type[Model], raw: Mapping[str, Any], path: Path, origins: Origins | None = None
) -> tuple[Model | None, list[ConfigError]]:
    """`raw` as a `model`, or None and every fault."""
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, [_fault(each, model, path, origins or {}) for each in error.errors()]


def key_name(place: Sequence[str | int]) -> str:
    """("routes", 1, "persona") → "routes[2].persona"."""
    name = ""
    for step in place:
        if isinstance(step, int):
            name += f"[{step + 1}]"
        else:
            name += f".{step}" if name else step
    return name


def suggestion(word: str, known: Sequence[str]) -> str:
    """`Did you mean "…"?` or the whole choice when nothing is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"There is: {', '.join(known)}." if known else "There is none."


def _fault(each: ErrorDetails, model: type[BaseModel], path: Path, origins: Origins) -> ConfigError:
    place = each["loc"]
    what, remedy = _in_plain_words(each, model)
    origin = next(
        (origins[place[:n]] for n in range(len(place), 0, -1) if place[:n] in origins), ""
    )
    if origin:
        return ConfigError("environment", origin, what, remedy)
    return ConfigError(str(path), key_name(place), what, remedy)


def _in_plain_words(each: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong and what to do about it."""
    kind, given, about = each["type"], each["input"], each.get("ctx", {})
    if kind == "missing":
        return "is missing.", "Add it."
    if kind == "extra_forbidden":
        word = str(each["loc"][-1])
        return "is no key known here.", suggestion(word, fields_at(model, each["loc"][:-1]))
    if kind == "literal_error":
        return f"is {given!r}.", f"Use one of {about['expected']}."
    if kind in BOUNDS:
        words, bound = BOUNDS[kind]
        return f"is {given!r}.", f"It must be {words} {about[bound]}."
    if kind in ("string_too_short", "too_short"):
        return "is empty.", "Give it at least one entry." if kind == "too_short" else "Write it."
    if kind == "value_error":
        return f"is {given!r}.", f"It must be {about['error']}."
    if kind == "string_pattern_mismatch":
        return f"is {given!r}.", f"It must look like {about['pattern']}."
    return f"is {_short(given)}.", f"It must be {TYPE_NAMES.get(kind.split('_')[0], each['msg'])}."


def fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand at `place`, sorted; empty when no table stands there."""
    here: type[BaseModel] | None = model
    for step in place:
        if isinstance(step, int):
            continue  # an entry of a list has the model of the list
        field = here.model_fields.get(step) if here else None
        here = _model_in(field.annotation) if field else None
    fields = here.model_fields.items() if here else ()
    return sorted(field.alias or name for name, field in fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model named in an annotation such as list[Route] or Route | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((each for each in found if each), None)


def _short(given: Any) -> str:
    shown = repr(given)
    return shown if len(shown) <= 40 else shown[:37] + "..."
