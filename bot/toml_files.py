"""TOML in, pydantic model out, and one ConfigError that names file, key and remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError when it is missing or not TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), "", "is not there.", "Create it or name another.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read ({error}).", "Check its rights.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), "", f"is not TOML: {error}.", "Mend that line.") from None


def validate(model: type[Model], raw: dict[str, Any], path: Path) -> Model:
    """`raw` as a `model`. Raises ConfigError for the first fault; see `faults` for all."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise faults(error, path)[0] from None


def faults(error: ValidationError, path: Path) -> list[ConfigError]:
    """Every fault pydantic found, each naming file, key and remedy."""
    return [
        ConfigError(
            str(path), ".".join(str(step) for step in each["loc"]), each["msg"] + ".", remedy(each["type"])
        )
        for each in error.errors()
    ]


def remedy(kind: str) -> str:
    if kind == "extra_forbidden":
        return "Remove it or mend its spelling."
    if kind == "missing":
        return "Add it."
    return "Change its value."
