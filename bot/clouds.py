"""Settings of servers elsewhere: [groq], [sarvam], [openai_compat], [webhooks]. Their keys are no
settings.

Names of models are here because vendors retire them faster than a bot is updated.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Groq(Section):
    """Groq's cloud; its key is in GROQ_API_KEY."""

    base_url: str = Field(
        "https://api.groq.com", pattern=r"^https?://", description="where Groq or a proxy of it is"
    )
    stt_model: str = Field("whisper-large-v3-turbo", description="its speech-to-text model")
    llm_model: str = Field("openai/gpt-oss-20b", description="its language model")
    reasoning_effort: str = Field(
        "low", description="how long the model thinks; empty: not asked for"
    )
    tts_model: str = Field("canopylabs/orpheus-v1-english", description="its voice model")
    voice: str = Field("hannah", description="who speaks when the persona names nobody")


class Sarvam(Section):
    """Sarvam's cloud; its key is in SARVAM_API_KEY."""

    base_url: str = Field(
        "https://api.sarvam.ai", pattern=r"^https?://", description="where Sarvam is"
    )
    stt_model: str = Field("saaras:v4", description="its speech-to-text model")


class OpenAiCompat(Section):
    """Any server that speaks OpenAI's HTTP API; its key, if any, is in OPENAI_COMPAT_API_KEY."""

    base_url: str = Field(
        "", pattern=r"^(https?://|unix://|$)", description='e.g. "http://127.0.0.1:11434/v1"'
    )
    stt_model: str = Field("whisper-1", description="its speech-to-text model")
    llm_model: str = Field("", description="its language model")
    tts_model: str = Field("tts-1", description="its voice model")
    voice: str = Field("alloy", description="who speaks when the persona names nobody")


class Webhooks(Section):
    """Servers that a persona's `tools.webhooks` may call."""

    allow: list[str] = Field(
        [],
        description='hosts: "shop.example.com", "*.example.com", "127.0.0.1:9000"; none if empty',
    )
