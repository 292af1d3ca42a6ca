"""Phrases are rendered once, kept on disk, and told apart by voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from bot.audio.frame import Samples
from bot.calls.phrasebook import Phrasebook, first_phrases, later_phrases, scripted_phrases
from bot.calls.prompt import voice_of
from bot.engine.sentences import ClauseCutter
from bot.engine.speakable import spoken
from bot.errors import ProviderError
from bot.persona import load_persona
from bot.providers.base import TextToSpeech, Voice
from bot.providers.chain import Chain, Link, Patience
from bot.providers.circuit import Circuit
from bot.providers.fallback import FallbackTextToSpeech
from bot.providers.mock import MockTextToSpeech
from tests.engine.score import persona
from tests.providers.faulty import Faulty, Step, error

ROOT = Path(__file__).resolve().parents[2]


class Counting(MockTextToSpeech):
    voice_name = ""

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


def chain(*providers: TextToSpeech) -> FallbackTextToSpeech:
    links = [Link(each, Circuit()) for each in providers]
    return FallbackTextToSpeech(Chain(links, Patience(attempts=1)))


DOWN = Step(takes_s=0, fails=error("503"), pieces=0)


async def test_without_any_voice_what_an_earlier_life_rendered_still_plays(tmp_path: Path) -> None:
    who = persona()
    await Phrasebook(tmp_path).render(who, [who.greeting], chain(MockTextToSpeech()))
    book = Phrasebook(tmp_path)
    await book.render(who, [who.greeting], chain(MockTextToSpeech(), Faulty("b", [DOWN])))
    assert book.get(voice_of(who), who.greeting) is not None, "the voice it is kept of is not asked"
    book = Phrasebook(tmp_path)
    await book.render(who, [who.greeting], chain(Faulty("a", [DOWN]), Faulty("b", [DOWN])))
    assert book.get(voice_of(who), who.greeting) is not None


async def test_a_stand_in_serves_until_the_voice_is_back(tmp_path: Path) -> None:
    who = persona()
    hoarse = Faulty("a", [DOWN, Step(takes_s=0, pieces=2)], rate=24_000)
    tts, book = chain(hoarse, MockTextToSpeech()), Phrasebook(tmp_path)
    await book.render(who, [who.greeting], tts)
    stand_in = book.get(voice_of(who), who.greeting)
    await book.render(who, [who.greeting], tts)
    own = book.get(voice_of(who), who.greeting)
    assert stand_in is not None and own is not None and not np.array_equal(stand_in, own)
    await book.render(who, [who.greeting], tts)
    assert hoarse.asked == 2 and len(list(tmp_path.iterdir())) == 2
    again = Phrasebook(tmp_path)
    await again.render(who, [who.greeting], tts)
    kept = again.get(voice_of(who), who.greeting)
    assert hoarse.asked == 2 and kept is not None and np.array_equal(kept, own)


async def test_a_phrase_in_two_voices_is_not_kept(tmp_path: Path) -> None:
    who = persona()
    breaks_off = Step(takes_s=0, pieces=1, fails=error("cut"))
    tts = chain(Faulty("a", [breaks_off, Step(takes_s=0, pieces=2)], rate=24_000), Counting())
    book = Phrasebook(tmp_path)
    await book.render(who, [who.greeting], tts)
    assert book.get(voice_of(who), who.greeting) is not None and not list(tmp_path.iterdir())
    await book.render(who, [who.greeting], tts)
    own = book.get(voice_of(who), who.greeting)
    assert own is not None and len(own) == 2 * 4800 and len(list(tmp_path.iterdir())) == 1


async def test_another_model_behind_the_same_provider_is_another_voice(tmp_path: Path) -> None:
    who = persona()
    for number, voice_name in enumerate(("joe", "joe", "amy"), 1):
        tts = Counting()
        tts.voice_name = voice_name
        await Phrasebook(tmp_path).render(who, [who.greeting], tts)
        assert len(tts.spoken) == (number != 2)


async def test_phrases_that_are_many_stay_on_disk(tmp_path: Path) -> None:
    who, tts, book = persona(), Counting(), Phrasebook(tmp_path)
    for _ in range(2):
        await book.render(who, [who.greeting], tts, in_memory=False)
    assert tts.spoken == [who.greeting] and not book._ready
    assert len(book.get(voice_of(who), who.greeting)) == 2 * 0.25 * 48_000
    next(tmp_path.iterdir()).unlink()
    assert book.get(voice_of(who), who.greeting) is None, "then it is spoken as any other text"


async def test_half_a_sample_is_rendered_again(tmp_path: Path) -> None:
    who, tts = persona(), Counting()
    await Phrasebook(tmp_path).render(who, [who.greeting], tts)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"x")
    await Phrasebook(tmp_path).render(who, [who.greeting], tts)
    assert len(tts.spoken) == 2 and file.stat().st_size > 1


@pytest.mark.parametrize("slug", ["helpful-assistant", "technical-interviewer", "domain-expert"])
def test_scripted_answers_are_known_in_the_clauses_they_are_spoken_in(slug: str) -> None:
    who = load_persona(ROOT / "personas" / f"{slug}.toml")
    known = {spoken(text, who.language) for text in scripted_phrases(who)}
    texts = [answer.say for answer in who.answers] + [each.ask for each in who.questions]
    for text in texts:
        cutter = ClauseCutter(who.language)
        clauses = [part for word in text.split(" ") for part in cutter.feed(f"{word} ")]
        assert {clause.spoken for clause in (*clauses, *cutter.end())} <= known


async def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    who, tts = persona(), Counting()
    book = Phrasebook(blocked)
    await book.render(who, [who.greeting], tts)
    assert book.get(voice_of(who), who.greeting) is not None
