"""Phrases are rendered once, kept on disk, and told apart by voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from bot.audio.frame import Samples
from bot.calls.phrasebook import Phrasebook, first_phrases, later_phrases
from bot.calls.prompt import voice_of
from bot.errors import ProviderError
from bot.providers.base import Voice
from bot.providers.mock import MockTextToSpeech
from tests.engine.score import persona


class Counting(MockTextToSpeech):
    def __init__(self) -> None:
        super().__init__()
        self.spoken: list[str] = []

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        self.spoken.append(text)
        if "call again later" in text:
            raise ProviderError("counting", "no", retryable=False)
        async for chunk in super().speak(text, voice=voice):
            yield chunk


async def test_a_phrase_is_spoken_once_and_then_read_from_disk(tmp_path: Path) -> None:
    who, tts = persona(), Counting()
    book = Phrasebook(tmp_path)
    await book.render(who, [who.greeting], tts)
    again = Phrasebook(tmp_path)
    await again.render(who, [who.greeting, who.greeting], tts)
    assert tts.spoken == [who.greeting]
    first, second = (each.get(voice_of(who), who.greeting) for each in (book, again))
    assert first is not None and second is not None
    assert np.array_equal(first, second) and len(first) == 2 * 0.25 * 48_000


async def test_another_voice_is_another_phrase(tmp_path: Path) -> None:
    who, tts = persona(), Counting()
    fast = persona(voice={"speed": 1.5})
    book = Phrasebook(tmp_path)
    for each in (who, fast):
        await book.render(each, [each.greeting], tts)
    assert tts.spoken == [who.greeting] * 2
    slow_one, fast_one = (book.get(voice_of(each), who.greeting) for each in (who, fast))
    assert slow_one is not None and fast_one is not None and len(fast_one) < len(slow_one)


async def test_a_phrase_that_fails_is_left_out(tmp_path: Path) -> None:
    who, tts = persona(), Counting()
    book = Phrasebook(tmp_path)
    await book.render(who, first_phrases(who) + later_phrases(who), tts)
    missing = [
        text
        for text in first_phrases(who) + later_phrases(who)
        if book.get(voice_of(who), text) is None
    ]
    assert missing == [who.phrases.apology]


async def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    who, tts = persona(), Counting()
    book = Phrasebook(blocked)
    await book.render(who, [who.greeting], tts)
    assert book.get(voice_of(who), who.greeting) is not None
