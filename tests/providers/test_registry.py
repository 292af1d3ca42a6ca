"""Names and modes, and what an admin is told when one is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config import Ai, Config
from bot.errors import ConfigError
from bot.persona import Persona
from bot.providers.espeak import Espeak
from bot.providers.mock import MockSpeechToText
from bot.providers.registry import create, providers_for, register


def persona(**voice: str) -> Persona:
    raw: dict[str, Any] = {
        "name": "A", "greeting": "Hello.", "system_prompt": "x", "voice": voice,
        "metadata": {"source_template_id": "t"},
    }  # fmt: skip
    return Persona.model_validate(raw)


@pytest.mark.parametrize(
    ("mode", "names"),
    [("local", ["local", "scripted", "local"]), ("mock", ["mock"] * 3), ("live", ["groq"] * 3)],
)
async def test_a_mode_names_three_providers(
    mode: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "test")
    made = providers_for(Config(ai=Ai(mode=mode)), persona())
    assert [made.stt.name, made.llm.name, made.tts.name] == names
    await made.close()


async def test_single_keys_and_the_persona_override_the_mode() -> None:
    made = providers_for(Config(ai=Ai(mode="local", stt="mock")), persona(provider="espeak"))
    assert isinstance(made.stt, MockSpeechToText) and isinstance(made.tts, Espeak)
    assert made.llm.name == "scripted"
    await made.close()


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        providers_for(Config(ai=Ai(stt="wisper")), persona())
    assert caught.value.key == "ai.stt"
    assert "'wisper'" in str(caught.value) and "groq, local, mock" in str(caught.value)


def test_live_without_a_key_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"GROQ_API_KEY.*ai\.mode = .local"):
        providers_for(Config(ai=Ai(mode="live")), persona())


def test_a_name_can_be_registered() -> None:
    register("stt", "test ears", lambda _config, _persona: MockSpeechToText(["heard"]))
    assert isinstance(create("stt", "test ears", Config(), persona()), MockSpeechToText)
