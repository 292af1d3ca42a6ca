"""Provider work leaves nothing behind while a call goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.calls.performer import Performer
from bot.calls.phrasebook import Phrasebook
from bot.engine.actions import Speak
from bot.engine.inputs import Input, SpeechDone
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from bot.providers.registry import Providers
from tests.calls.boxes import box
from tests.engine.score import persona


async def test_a_voice_ends_when_the_next_turn_speaks(tmp_path: Path) -> None:
    told: asyncio.Queue[Input] = asyncio.Queue()
    performer = Performer(
        persona(),
        Providers(MockSpeechToText(), MockLanguageModel(), MockTextToSpeech()),
        Phrasebook(tmp_path),
        5.0,
        tell=told.put_nowait,
        took=lambda *_: None,
        failed=lambda *_: None,
        detour=lambda *_: None,
        toolbox=box(),
    )
    before = asyncio.all_tasks()
    for turn in range(1, 6):
        performer.speak(Speak(turn, 0, f"this is turn {turn}"))
        while await asyncio.wait_for(told.get(), 5) != SpeechDone(turn, 0):
            pass
    assert len(asyncio.all_tasks() - before) == 1, "only the last turn's voice still listens"
    await performer.close()
    assert asyncio.all_tasks() == before
