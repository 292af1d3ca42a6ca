"""Provider names and what they stand for: a dict and two functions.

`providers_for` gives a persona its ears, its wits and its voice, each a chain of what `names`
names. Build them once per process and persona, after any fork: they keep connections open and
serve many calls at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import structlog

from bot.config import Config
from bot.errors import ConfigError, StartError
from bot.persona import Persona
from bot.providers.base import LanguageModel, SpeechToText, TextToSpeech
from bot.providers.brevity import Brief
from bot.providers.chain import Chain, Link, Patience
from bot.providers.circuit import Circuits
from bot.providers.fallback import (
    FallbackLanguageModel,
    FallbackSpeechToText,
    FallbackTextToSpeech,
)
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from bot.providers.names import COQUI, LOCAL, LOCAL_NAMES, Kind, last_resort, named
from bot.providers.openai_compat import (
    OpenAiLanguageModel,
    OpenAiSpeechToText,
    OpenAiTextToSpeech,
)
from bot.providers.openai_http import Endpoint
from bot.providers.sarvam import SarvamSpeechToText
from bot.providers.scripted import Scripted
from bot.providers.shaped import Shaped
from bot.providers.webhook import WebhookClient

Provider: TypeAlias = SpeechToText | LanguageModel | TextToSpeech
Factory: TypeAlias = Callable[[Config, Persona], Provider]

KEYS: dict[Kind, str] = {"stt": "ai.stt", "llm": "ai.llm", "tts": "ai.tts"}
COMPAT_KEY_ENV = "OPENAI_COMPAT_API_KEY"
log = structlog.get_logger(__name__)
_factories: dict[tuple[Kind, str], Factory] = {}


def register(kind: Kind, name: str, factory: Factory) -> None:
    """Make `name` known; a later registration replaces an earlier one."""
    _factories[kind, name] = factory


def create(kind: Kind, name: str, config: Config, persona: Persona) -> Provider:
    """A provider by name. Raises ConfigError, naming the known ones, or the missing key."""
    factory = _factories.get((kind, name))
    if not factory:
        known = ", ".join(sorted(each for of, each in _factories if of == kind))
        raise ConfigError("config", KEYS[kind], f"no provider {name!r}.", f"Known: {known}.")
    return factory(config, persona)


@dataclass(frozen=True, slots=True)
class Providers:
    """What one persona hears, thinks and speaks with."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    webhooks: WebhookClient = field(default_factory=WebhookClient)

    async def close(self) -> None:
        for provider in (self.stt, self.llm, self.tts, self.webhooks):
            await provider.close()


def providers_for(config: Config, persona: Persona, circuits: Circuits | None = None) -> Providers:
    """The chains that the configuration and the persona name. `circuits` are the process's.

    Raises ConfigError.
    """
    shared = circuits or Circuits()
    return Providers(
        stt=FallbackSpeechToText(_chain("stt", config, persona, shared), hedge=config.ai.hedge),
        llm=FallbackLanguageModel(_chain("llm", config, persona, shared)),
        tts=FallbackTextToSpeech(_chain("tts", config, persona, shared)),
    )


def _chain(kind: Kind, config: Config, persona: Persona, circuits: Circuits) -> Chain[Any]:
    names = named(kind, config, persona)
    made = [create(kind, name, config, persona) for name in names]
    if (last := last_resort(kind, names)) is not None:
        try:
            made.append(create(kind, last, config, persona))
        except StartError as error:  # nobody asked for it by name: go on without
            log.warning("no voice of last resort", why=str(error))
    if kind == "tts":
        made = [Shaped(cast("TextToSpeech", each)) for each in made]
    patience = Patience(deadline_s=config.ai.timeout_s, share_s=config.ai.attempt_s)
    return Chain([Link(each, circuits.of(kind, each.name)) for each in made], patience)


def speech_endpoint(config: Config) -> Endpoint:
    """The local speech worker."""
    return Endpoint(f"unix://{config.speech.socket}", deadline_s=config.ai.timeout_s)


def _local_stt(name: str) -> Factory:
    return lambda config, _persona: OpenAiSpeechToText(
        speech_endpoint(config), model=config.speech.whisper, name=name
    )


def _local_tts(name: str) -> Factory:
    def create_piper(config: Config, _persona: Persona) -> Provider:
        voice, at = config.speech.voice, speech_endpoint(config)
        return OpenAiTextToSpeech(at, model=voice, voice=voice, name=name, styles=False)

    return create_piper


def _coqui(config: Config, _persona: Persona) -> Provider:
    """The speech worker's other voice; it alone loads torch."""
    about, at = config.coqui, speech_endpoint(config)
    made = OpenAiTextToSpeech(at, model=COQUI, voice=about.speaker, name=COQUI, styles=False)
    made.voice_name = f"{about.model} {about.speaker}"  # what is kept of it is another model's
    return made


def _compat(config: Config) -> Endpoint:
    """Raises ConfigError when nobody said where the server is."""
    if not config.openai_compat.base_url:
        what = "is empty, and a provider asks for openai_compat."
        remedy = 'Write where the server is, e.g. "http://127.0.0.1:11434/v1".'
        raise ConfigError("config", "openai_compat.base_url", what, remedy)
    return Endpoint(config.openai_compat.base_url, COMPAT_KEY_ENV, config.ai.timeout_s)


def _compat_stt(config: Config, _persona: Persona) -> Provider:
    return OpenAiSpeechToText(_compat(config), model=config.openai_compat.stt_model)


def _compat_llm(config: Config, persona: Persona) -> Provider:
    return _brief(
        OpenAiLanguageModel(_compat(config), model=config.openai_compat.llm_model), persona
    )


def _compat_tts(config: Config, _persona: Persona) -> Provider:
    about = config.openai_compat
    return OpenAiTextToSpeech(_compat(config), model=about.tts_model, voice=about.voice)


def _brief(llm: LanguageModel, persona: Persona) -> LanguageModel:
    """A persona's own script is as long as its author wants it; a model is kept short."""
    return Brief(llm, persona.prompt.max_words, persona.language)


def _groq(kind: Kind) -> Factory:
    def create_groq(config: Config, persona: Persona) -> Provider:
        from bot.providers import groq  # the SDK takes a third of a second to import

        if kind == "llm":
            return _brief(groq.GroqLanguageModel(config), persona)
        return groq.GroqSpeechToText(config) if kind == "stt" else groq.GroqTextToSpeech(config)

    return create_groq


def _espeak(_config: Config, _persona: Persona) -> Provider:
    from bot.providers.espeak import Espeak

    return Espeak()


def _always(provider: Callable[[], Any]) -> Factory:
    return lambda _config, _persona: cast("Provider", provider())


for _name in LOCAL_NAMES["stt"]:
    register("stt", _name, _local_stt(_name))
for _name in (LOCAL, "piper_local"):
    register("tts", _name, _local_tts(_name))
register("tts", COQUI, _coqui)
register("tts", "espeak", _espeak)
register("llm", "scripted", lambda _config, persona: Scripted(persona))
register("stt", "groq", _groq("stt"))
register("llm", "groq", _groq("llm"))
register("tts", "groq", _groq("tts"))
register("stt", "sarvam", lambda config, _persona: SarvamSpeechToText(config))
register("stt", "openai_compat", _compat_stt)
register("llm", "openai_compat", _compat_llm)
register("tts", "openai_compat", _compat_tts)
register("stt", "mock", _always(MockSpeechToText))
register("llm", "mock", _always(MockLanguageModel))
register("tts", "mock", _always(MockTextToSpeech))
