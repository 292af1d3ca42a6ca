"""Keys of clouds and passwords of trunks: from the environment or from a file, never from TOML,
never shown.

`GROQ_API_KEY` holds the key itself; `GROQ_API_KEY_FILE` names a file that holds it, as containers
and service managers hand out secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bot.errors import ConfigError

Place: TypeAlias = tuple[str | int, ...]

HIDDEN = "[key]"
SECRET_KEY = re.compile(r"(^|_)(api[_-]?key|subscription_key|token|secret|password)$")
SECRET_VALUE = re.compile(r"(gsk|sk)[_-]\w{8,}")  # as Groq, OpenAI and Sarvam write theirs


def secret(name: str, environ: Mapping[str, str] | None = None) -> str:
    """The secret called `name`, "" when there is none. Raises ConfigError, never quoting it."""
    environ = os.environ if environ is None else environ
    found = environ.get(name, "").strip() or _from_file(f"{name}_FILE", environ)
    if not (found.isascii() and found.isprintable()):
        what = "holds signs that no key has."
        raise ConfigError("environment", name, what, "Copy it again, one line.")
    return found


def _from_file(variable: str, environ: Mapping[str, str]) -> str:
    path = environ.get(variable, "").strip()
    if not path:
        return ""
    try:
        found = Path(path).expanduser().read_text("ascii").strip()
    except UnicodeDecodeError:
        raise ConfigError("environment", variable, "names a file that is no key.", "") from None
    except OSError as error:
        what = f"names a file that cannot be read ({error.strerror})."
        raise ConfigError("environment", variable, what, "Mend the path or its rights.") from None
    if not found:
        raise ConfigError("environment", variable, "names an empty file.", "Write the key into it.")
    return found


def required(name: str, asked_for_by: str) -> str:
    """The secret called `name`. Raises ConfigError when there is none."""
    found = secret(name)
    if not found:
        raise ConfigError(
            "environment", name, f"is not set, and ai.mode or a provider asks for {asked_for_by}.",
            f'Export {name} or {name}_FILE, or set ai.mode = "local".',
        )  # fmt: skip
    return found


def without(text: str, key: str) -> str:
    """`text` without the key, should a vendor quote it."""
    return text.replace(key, HIDDEN) if key else text


def take_secrets(raw: dict[str, Any], place: Place = ()) -> Iterator[Place]:
    """The places of secrets in the tables of a TOML file; they are taken out of `raw`."""
    for key, value in list(raw.items()):
        if isinstance(value, dict):
            yield from take_secrets(value, (*place, key))
        elif SECRET_KEY.search(key.lower()) or _looks_secret(value):
            del raw[key]
            yield (*place, key)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                if isinstance(each, dict):
                    yield from take_secrets(each, (*place, key, number))


def _looks_secret(value: Any) -> bool:
    if isinstance(value, list):
        return any(_looks_secret(each) for each in value)
    return isinstance(value, str) and SECRET_VALUE.match(value) is not None
