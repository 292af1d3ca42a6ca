"""Which providers a persona is given, by name and in the order in which they are asked.

Apart from the registry, so that the supervisor need not import what it only names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from bot.config import Config
from bot.persona import Persona

Kind: TypeAlias = Literal["stt", "llm", "tts"]

KINDS: tuple[Kind, ...] = ("stt", "llm", "tts")
LOCAL = "local"
COQUI = "coqui"
# what the speech worker serves: `local` is Whisper or Piper, who may be named as well
LOCAL_NAMES: dict[Kind, tuple[str, ...]] = {
    "stt": (LOCAL, "whisper_local"),
    "llm": (),
    "tts": (LOCAL, "piper_local", COQUI),
}
SCRIPTED = "scripted"
LAST_VOICE = "espeak"  # needs no weights, and speaks when the speech worker does not
MODES: dict[str, dict[Kind, tuple[str, ...]]] = {
    "local": {"stt": (LOCAL,), "llm": (SCRIPTED,), "tts": (LOCAL,)},
    "live": {"stt": ("groq", LOCAL), "llm": ("groq", SCRIPTED), "tts": ("groq", LOCAL)},
    "mock": {"stt": ("mock",), "llm": ("mock",), "tts": ("mock",)},
}


def named(kind: Kind, config: Config, persona: Persona | None = None) -> tuple[str, ...]:
    """What `ai.stt|llm|tts` or else `ai.mode` says; whom the persona names comes first."""
    chosen = _several(getattr(config.ai, kind)) or MODES[config.ai.mode][kind]
    return tuple(dict.fromkeys((*own(kind, persona), *chosen)))


def own(kind: Kind, persona: Persona | None) -> tuple[str, ...]:
    """Whom the persona itself names."""
    if persona is None:
        return ()
    wanted = {"stt": persona.ai.stt, "llm": persona.ai.llm, "tts": persona.voice.provider}
    return _several(wanted[kind])


def _several(names: str | list[str]) -> tuple[str, ...]:
    return ((names,) if names else ()) if isinstance(names, str) else tuple(names)


def last_resort(kind: Kind, names: tuple[str, ...]) -> str | None:
    """Who speaks after the local voices, though nobody named it; None when that is not wanted."""
    wanted = kind == "tts" and _any_local(kind, names) and LAST_VOICE not in names
    return LAST_VOICE if wanted else None


def local_speech(config: Config, personas: Iterable[Persona]) -> Literal["first", "spare"] | None:
    """Is the speech worker somebody's first choice, at least a spare one, or not needed?"""
    personas = list(personas)  # looked through once for each kind
    chains = [(kind, chain) for kind in KINDS for chain in _chains(kind, config, personas)]
    if any(_any_local(kind, chain[:1]) for kind, chain in chains):
        return "first"
    return "spare" if any(_any_local(kind, chain) for kind, chain in chains) else None


def coqui_wanted(config: Config, personas: Iterable[Persona]) -> bool:
    """Does the configuration or a persona name Coqui among its voices?"""
    return any(COQUI in chain for chain in _chains("tts", config, personas))


def _chains(kind: Kind, config: Config, personas: Iterable[Persona]) -> Iterator[tuple[str, ...]]:
    for persona in (None, *personas):
        yield named(kind, config, persona)


def _any_local(kind: Kind, names: tuple[str, ...]) -> bool:
    return any(name in LOCAL_NAMES[kind] for name in names)
