"""Every provider behind HTTP, as the registry makes it, asked of a server of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.clouds import Groq, OpenAiCompat, Sarvam
from bot.config import Ai, Config
from bot.persona import Persona
from bot.providers.registry import create
from tests.providers.cloud_servers import GroqServer, SarvamServer
from tests.providers.openai_server import OpenAiServer
from tests.providers.vendor_server import KEY, VendorServer, serving

SERVERS: dict[str, type[VendorServer]] = {
    "groq": GroqServer, "sarvam": SarvamServer, "openai_compat": OpenAiServer,
}  # fmt: skip
KEY_ENVS = {
    "groq": "GROQ_API_KEY", "sarvam": "SARVAM_API_KEY", "openai_compat": "OPENAI_COMPAT_API_KEY",
}  # fmt: skip
CLOUDS = [
    ("groq", "stt"), ("groq", "llm"), ("groq", "tts"), ("sarvam", "stt"),
    ("openai_compat", "stt"), ("openai_compat", "llm"), ("openai_compat", "tts"),
]  # fmt: skip
PERSONA = Persona.model_validate(
    {
        "name": "Clinic", "greeting": "Hello.", "system_prompt": "x",
        "metadata": {"source_template_id": "t"},
    }
)  # fmt: skip


def config_for(base_url: str, deadline_s: float = 5.0, **ai: Any) -> Config:
    return Config(
        ai=Ai(timeout_s=deadline_s, **ai),
        groq=Groq(base_url=base_url),
        sarvam=Sarvam(base_url=base_url),
        openai_compat=OpenAiCompat(base_url=base_url, llm_model="m"),
    )


@asynccontextmanager
async def cloud(monkeypatch: Any, name: str) -> AsyncIterator[VendorServer]:
    """The server of a vendor, and the key to it in the environment."""
    monkeypatch.setenv(KEY_ENVS[name], KEY)
    async with serving(SERVERS[name]()) as server:
        yield server


@asynccontextmanager
async def provider(
    name: str, kind: Any, server: VendorServer, deadline_s: float = 5.0
) -> AsyncIterator[Any]:
    made = create(kind, name, config_for(server.base_url, deadline_s), PERSONA)
    try:
        yield made
    finally:
        await made.close()
