"""A call manager with everything real but the providers, and a phone that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples, silence
from bot.calls import manager as manager_module
from bot.calls.manager import CallManager
from bot.calls.phrasebook import Phrasebook
from bot.config import Config, Dialplans, Personas, Recordings, Store
from bot.legs.loopback import LoopbackLeg, loopback
from bot.library import Library
from bot.persona import Phrases
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from bot.providers.registry import Providers
from bot.store.queries import CallDetail, find_call, recent_calls
from bot.store.recorder import CallLog
from bot.store.recording import flush_recordings
from tests.support.phone import spoken

PERSONA = """
name = "Test"
greeting = "Hello there."
system_prompt = "Be kind."
[metadata]
source_template_id = "helpful-assistant"
[turn]
silence_ms = 700
"""
PLAN = """
[[routes]]
number = "1000"
persona = "test"
[[routes]]
number = "1001"
persona = "test"
ring_s = 5
"""
PACE_S = 0.001  # real time per 20 ms frame
TROUBLE = Phrases().trouble


class House:
    """A manager with everything real but the providers, and a phone to call it."""

    def __init__(self, folder: Path, persona: str = "") -> None:
        (folder / "personas").mkdir()
        (folder / "dialplans").mkdir()
        (folder / "personas" / "test.toml").write_text(PERSONA + persona)
        (folder / "dialplans" / "default.toml").write_text(PLAN)
        self.config = Config(
            store=Store(path=folder / "bot.db"),
            recordings=Recordings(dir=folder / "recordings"),
            personas=Personas(dir=folder / "personas"),
            dialplans=Dialplans(dir=folder / "dialplans"),
        )
        self.records = CallLog(self.config.store.path)
        self.library = Library(self.config.personas.dir, self.config.dialplans.dir)
        self.phrases = Phrasebook(folder / "phrases")
        self.manager = CallManager(self.config, self.library, self.records, self.phrases)
        self.heard: list[Samples] = []

    def call(self, number: str = "1000", **how: Any) -> LoopbackLeg:
        """`how`: see CallManager.on_call."""
        phone, leg = loopback("+4930123", number)
        self.manager.on_call(leg, **how)
        return phone

    async def talk(
        self, phone: LoopbackLeg, score: Sequence[Samples], *, hang_up: bool = True
    ) -> None:
        """Say the score, frame by frame; hear until the end."""
        await phone.answered()
        sound = np.concatenate(score)
        at = 0
        async for frame in phone.frames():
            self.heard.append(frame)
            part = sound[at : at + FRAME_SAMPLES]
            phone.write(np.concatenate([part, silence()])[:FRAME_SAMPLES])
            at += FRAME_SAMPLES
            if hang_up and at >= len(sound):
                await phone.hang_up()
            await asyncio.sleep(PACE_S)

    async def record(self) -> CallDetail:
        """The only call's record, once it is closed and its recording is on disk."""
        await self.manager.drain("test over", 5.0)
        assert self.records.flush(30.0)
        assert flush_recordings(30.0), "a thread of its own writes them"
        (call,) = recent_calls(self.config.store.path, 10)
        return find_call(self.config.store.path, call.id)


@pytest.fixture
def make_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., House]:
    def make(*, persona: str = "", **parts: object) -> House:
        providers = Providers(MockSpeechToText(), MockLanguageModel(), MockTextToSpeech())
        providers = replace(providers, **parts)  # type: ignore[arg-type]
        monkeypatch.setattr(manager_module, "providers_for", lambda *_: providers)
        return House(tmp_path, persona)

    return make


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * BUS_HZ), np.int16)


def question() -> Samples:
    return spoken("What time do you open tomorrow?", BUS_HZ)
