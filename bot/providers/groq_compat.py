"""Groq through its OpenAI-compatible door. The key comes from GROQ_API_KEY."""

from __future__ import annotations

import os

from bot.config import Config
from bot.errors import ConfigError
from bot.persona import Persona
from bot.providers.openai_compat import (
    OpenAiLanguageModel,
    OpenAiSpeechToText,
    OpenAiTextToSpeech,
)
from bot.providers.openai_http import Endpoint

NAME = "groq"
BASE_URL = "https://api.groq.com/openai/v1"
KEY_ENV = "GROQ_API_KEY"
STT_MODEL = "whisper-large-v3-turbo"
LLM_MODEL = "openai/gpt-oss-20b"
LLM_OPTIONS = {"reasoning_effort": "low"}  # a caller waits for the first word
TTS_MODEL = "canopylabs/orpheus-v1-english"
VOICES = ("hannah", "autumn", "diana", "austin", "daniel", "troy")  # those of the model


def endpoint(config: Config) -> Endpoint:
    """Raises ConfigError when the key is unset."""
    if not os.environ.get(KEY_ENV):
        raise ConfigError(
            "environment", KEY_ENV, "is not set, and ai.mode or a provider asks for groq.",
            f'Export {KEY_ENV}, or set ai.mode = "local".',
        )  # fmt: skip
    return Endpoint(BASE_URL, KEY_ENV, config.ai.timeout_s)


def groq_stt(config: Config, _persona: Persona) -> OpenAiSpeechToText:
    return OpenAiSpeechToText(endpoint(config), model=STT_MODEL, name=NAME)


def groq_llm(config: Config, _persona: Persona) -> OpenAiLanguageModel:
    return OpenAiLanguageModel(endpoint(config), model=LLM_MODEL, name=NAME, options=LLM_OPTIONS)


def groq_tts(config: Config, _persona: Persona) -> OpenAiTextToSpeech:
    return OpenAiTextToSpeech(
        endpoint(config), model=TTS_MODEL, voice=VOICES[0], name=NAME, audio="wav", voices=VOICES
    )
