"""Names and modes, and what an admin is told when one is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config import Ai, Config
from bot.errors import ConfigError, StartError
from bot.persona import Persona
from bot.providers.circuit import Circuits
from bot.providers.fallback import speaker
from bot.providers.mock import MockSpeechToText
from bot.providers.names import coqui_wanted, local_speech
from bot.providers.registry import create, providers_for, register
from bot.providers.shaped import Shaped
from bot.speech_settings import Coqui


def persona(**voice: str) -> Persona:
    raw: dict[str, Any] = {
        "name": "A", "greeting": "Hello.", "system_prompt": "x", "voice": voice,
        "metadata": {"source_template_id": "t"},
    }  # fmt: skip
    return Persona.model_validate(raw)


def order(config: Config, who: Persona) -> list[list[str]]:
    """The names of the chains as they are made."""
    made = providers_for(config, who)
    return [[link.provider.name for link in each._chain.links] for each in (
        made.stt, made.llm, made.tts
    )]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        ("local", [["local"], ["scripted"], ["local", "espeak"]]),
        ("mock", [["mock"]] * 3),
        ("live", [["groq", "local"], ["groq", "scripted"], ["groq", "local", "espeak"]]),
    ],
)
async def test_a_mode_names_three_chains(
    mode: str, names: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "test")
    config = Config(ai=Ai(mode=mode))
    assert order(config, persona()) == names
    made = providers_for(config, persona())
    assert [made.stt.name, made.llm.name, made.tts.name] == [each[0] for each in names]
    await made.close()


@pytest.mark.parametrize(
    ("tts", "own", "names"),
    [
        ("", "", ["local", "espeak"]),
        ("local", "", ["local", "espeak"]),
        ("mock", "", ["mock"]),
        (["mock", "local"], "", ["mock", "local", "espeak"]),
        (["espeak", "local"], "", ["espeak", "local"]),
        ("", "espeak", ["espeak", "local"]),
        (["mock", "local"], "local", ["local", "mock", "espeak"]),
        (["coqui", "piper_local"], "", ["coqui", "piper_local", "espeak"]),
        ("", "coqui", ["coqui", "local", "espeak"]),
    ],
)
def test_names_and_the_personas_voice_override_the_mode(
    tts: str | list[str], own: str, names: list[str]
) -> None:
    stt, llm, voices = order(Config(ai=Ai(stt="mock", tts=tts)), persona(provider=own))
    assert (stt, llm, voices) == (["mock"], ["scripted"], names)


def test_a_persona_names_who_listens_and_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "test")
    monkeypatch.setenv("SARVAM_API_KEY", "test")
    raw = persona().model_dump() | {"ai": {"stt": ["sarvam", "groq"], "llm": "groq"}}
    stt, llm, tts = order(Config(), Persona.model_validate(raw))
    assert stt == ["sarvam", "groq", "local"]
    assert llm == ["groq", "scripted"]
    assert tts == ["local", "espeak"]


def test_every_voice_of_a_chain_is_shaped_and_no_other_provider() -> None:
    made = providers_for(Config(), persona())
    voices = [link.provider for link in made.tts._chain.links]
    assert [type(each) for each in voices] == [Shaped, Shaped]
    assert [each.does for each in voices] == [{"speed"}, {"speed", "pitch"}]
    assert not any(isinstance(link.provider, Shaped) for link in made.stt._chain.links)


def test_openai_compat_without_an_address_is_told() -> None:
    with pytest.raises(ConfigError, match=r"openai_compat\.base_url: is empty.*11434"):
        providers_for(Config(ai=Ai(llm="openai_compat")), persona())


def test_without_espeak_the_local_voice_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert order(Config(), persona())[2] == ["local"]
    with pytest.raises(StartError, match="espeak-ng"):
        providers_for(Config(ai=Ai(tts=["local", "espeak"])), persona())


def test_the_circuits_of_a_process_are_shared_by_its_personas() -> None:
    circuits = Circuits()
    first, second = (
        providers_for(Config(), persona(preset_id=name), circuits) for name in ("a", "b")
    )
    one, two = (each.stt._chain.links[0].circuit for each in (first, second))
    assert one is two is circuits.of("stt", "local")


@pytest.mark.parametrize(
    ("ai", "own", "needed"),
    [
        ({}, "", "first"),
        ({"mode": "live"}, "", "spare"),
        ({"mode": "live"}, "local", "first"),
        ({"mode": "live", "stt": "groq", "tts": "groq"}, "", None),
        ({"mode": "mock"}, "", None),
        ({"mode": "mock", "tts": ["mock", "local"]}, "", "spare"),
        ({"mode": "mock", "stt": ["mock", "whisper_local"]}, "", "spare"),
        ({"mode": "mock", "stt": "whisper_local"}, "", "first"),
        ({"mode": "mock", "tts": "piper_local"}, "", "first"),
        ({"mode": "mock"}, "coqui", "first"),
        ({"mode": "mock", "tts": ["mock", "coqui"]}, "", "spare"),
    ],
)
def test_the_speech_worker_runs_when_somebody_may_need_it(
    ai: dict[str, Any], own: str, needed: str | None
) -> None:
    assert local_speech(Config(ai=Ai(**ai)), [persona(provider=own)]) == needed


@pytest.mark.parametrize(
    ("tts", "own", "wanted"),
    [("", "", False), ("local", "", False), (["local", "coqui"], "", True), ("", "coqui", True)],
)
def test_coqui_is_loaded_when_somebody_names_it(
    tts: str | list[str], own: str, wanted: bool
) -> None:
    assert coqui_wanted(Config(ai=Ai(tts=tts)), iter([persona(provider=own)])) is wanted


def test_what_coqui_said_is_kept_by_model_and_speaker() -> None:
    coqui = [
        Coqui(),
        Coqui(model="/m/vits.pth", config="/m/c.json"),
        Coqui(model="/m/vits.pth", config="/m/c.json", speaker="p226"),
    ]
    voices = {speaker(create("tts", "coqui", Config(coqui=each), persona())) for each in coqui}
    assert len(voices) == 3 and all(each.startswith("coqui ") for each in voices)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        providers_for(Config(ai=Ai(stt="wisper")), persona())
    assert caught.value.key == "ai.stt"
    known = "groq, local, mock, openai_compat, sarvam, whisper_local."
    assert "'wisper'" in str(caught.value) and known in str(caught.value)


def test_live_without_a_key_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"GROQ_API_KEY.*ai\.mode = .local"):
        providers_for(Config(ai=Ai(mode="live")), persona())


def test_a_name_can_be_registered() -> None:
    register("stt", "test ears", lambda _config, _persona: MockSpeechToText(["heard"]))
    assert isinstance(create("stt", "test ears", Config(), persona()), MockSpeechToText)
