"""What a caller hears, and the record tells, when providers fail: one of them, or all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, Samples
from bot.calls import manager as manager_module
from bot.calls.phrasebook import Phrasebook, first_phrases, later_phrases
from bot.engine.state import State
from bot.persona import Phrases
from bot.providers.chain import Chain, Link, Patience
from bot.providers.circuit import Circuit
from bot.providers.fallback import (
    FallbackLanguageModel,
    FallbackSpeechToText,
    FallbackTextToSpeech,
)
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from bot.providers.registry import Providers
from bot.store.detours import PROVIDER, detours
from bot.store.queries import CallDetail
from tests.calls.house import House, question, quiet
from tests.providers.faulty import Faulty, Step, error

PATIENCE = Patience(deadline_s=0.1, share_s=0.05, attempts=1)  # calls run at 20 × real time here
PHRASES = Phrases()
DOWN = Step(takes_s=0, fails=error("503"), pieces=0)
LOUD = 1000


def chain(*providers: Any) -> Chain[Any]:
    return Chain([Link(each, Circuit()) for each in providers], PATIENCE)


def providers(stt: list[Any], llm: list[Any], tts: list[Any]) -> Providers:
    return Providers(
        FallbackSpeechToText(chain(*stt)),
        FallbackLanguageModel(chain(*llm)),
        FallbackTextToSpeech(chain(*tts)),
    )


def down() -> Providers:
    """Nobody answers, in each of the ways there are."""
    silent = Step(takes_s=60.0)
    return providers(
        [Faulty("a", [DOWN]), Faulty("b", [silent])],
        [Faulty("a", [silent]), Faulty("b", [DOWN])],
        [Faulty("a", [DOWN]), Faulty("b", [Step(fails=error("401"), pieces=0)])],
    )


@pytest.fixture
def make_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Providers], House]:
    def make(made: Providers) -> House:
        monkeypatch.setattr(manager_module, "providers_for", lambda *_: made)
        return House(tmp_path)

    return make


async def rendered(house: House, folder: Path) -> None:
    """The phrases as an earlier life of the bot left them on disk, read again by this one."""
    persona = house.library.personas["test"]
    texts = first_phrases(persona) + later_phrases(persona)
    await Phrasebook(folder).render(persona, texts, FallbackTextToSpeech(chain(MockTextToSpeech())))


def told(detail: CallDetail) -> list[str]:
    events = [each.detail for each in detail.events if each.kind == PROVIDER]
    return [str(each) for each in detours(events)]


async def test_the_next_one_answers_and_the_record_says_so(
    make_house: Callable[[Providers], House],
) -> None:
    busy = Faulty("groq", [Step(takes_s=0, fails=error("429", 9.0), pieces=0)])
    house = make_house(
        providers(
            [busy, MockSpeechToText()], [busy, MockLanguageModel()], [busy, MockTextToSpeech()]
        )
    )
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(5.0)])
    detail = await house.record()
    turn = detail.turns[1]
    assert turn.bot_heard == "You said: What time do you open tomorrow?" and turn.error == ""
    assert {turn.stt, turn.llm, turn.tts} == {"mock"}
    assert told(detail) == [  # the first one is the greeting
        f"{kind} answered by mock after groq 429" for kind in ("tts", "stt", "llm", "tts")
    ]
    assert "tomorrow" not in str([each.detail for each in detail.events if each.kind == PROVIDER])


async def test_a_call_survives_the_loss_of_every_provider(
    make_house: Callable[[Providers], House], tmp_path: Path
) -> None:
    house = make_house(down())
    await rendered(house, tmp_path / "phrases")
    persona = house.library.personas["test"]
    everything = first_phrases(persona) + later_phrases(persona)
    await house.phrases.render(persona, everything, house.manager.providers(persona).tts)
    phone = house.call()
    asking = [part for _ in range(6) for part in (question(), quiet(6.0))]
    await house.talk(phone, [quiet(1.5), *asking], hang_up=False)
    detail = await house.record()
    said = [turn.bot_heard for turn in detail.turns]
    assert [words for words in said if words and words not in persona.idle.reprompts] == [
        "Hello there.",
        PHRASES.trouble,
        PHRASES.trouble,
        PHRASES.apology,
    ]
    assert phone.ended == "caller" and detail.call.ended is not None, "the bot hung up"
    assert detail.call.end_reason not in ("crashed", "unknown", "caller hung up")
    assert [line.split(" after ")[0] for line in told(detail)][:2] == ["stt answered by nobody"] * 2
    heard = np.abs(np.concatenate(house.heard).astype(float))
    assert voice_s(heard) > 4 * 0.25, "each of these was heard on the line"


async def heard_in_advance(house: House) -> None:
    """What the persona says by itself is ready, in the voice of the mock."""
    persona = house.library.personas["test"]
    texts = first_phrases(persona) + later_phrases(persona)
    await house.phrases.render(persona, texts, FallbackTextToSpeech(chain(MockTextToSpeech())))


def hoarse(*later: Step) -> Faulty:
    """A voice that says half a second and breaks off, then does as told."""
    return Faulty("groq", [Step(takes_s=0, pieces=5, fails=error("cut")), *later], rate=24_000)


async def test_a_voice_that_breaks_off_is_followed_by_the_next(
    make_house: Callable[[Providers], House],
) -> None:
    house = make_house(
        providers([MockSpeechToText()], [MockLanguageModel()], [hoarse(), MockTextToSpeech()])
    )
    await heard_in_advance(house)
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(5.0)])
    detail = await house.record()
    turn = detail.turns[1]
    assert turn.bot_heard == "You said: What time do you open tomorrow?" and turn.error == ""
    assert told(detail) == ["tts answered by mock after groq cut"]
    heard = np.abs(np.concatenate(house.heard).astype(float))
    assert voice_s(heard, LOUD / 2) > 0.5 + 0.5 + 1.5, (
        "greeting, beginning, and the words that were left"
    )


async def test_the_only_voice_breaks_off_and_the_call_goes_on_aloud(
    make_house: Callable[[Providers], House],
) -> None:
    house = make_house(
        providers([MockSpeechToText()], [MockLanguageModel()], [hoarse(Step(takes_s=0, pieces=20))])
    )
    await heard_in_advance(house)
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(5.0), question(), quiet(5.0)])
    detail = await house.record()
    said = [turn.bot_heard for turn in detail.turns if turn.bot_heard]
    assert said == ["Hello there.", PHRASES.trouble, "You said: Where are you?"]
    assert told(detail) == ["tts answered by nobody after groq cut"]
    heard = np.abs(np.concatenate(house.heard).astype(float))
    assert voice_s(heard, LOUD / 2) > 0.5 + len(PHRASES.trouble.split()) * 0.25 + 1.0


async def test_without_any_voice_the_call_ends_all_the_same(
    make_house: Callable[[Providers], House],
) -> None:
    house = make_house(down())
    phone = house.call()
    async with asyncio.timeout(30):
        await house.talk(phone, [quiet(60.0)], hang_up=False)
    detail = await house.record()
    assert phone.ended == "caller" and detail.call.end_reason not in ("crashed", "unknown")
    assert [turn.bot_heard for turn in detail.turns if turn.bot_heard] == []
    states = [each.detail["state"] for each in detail.events if each.kind == "state"]
    assert State.AI_SPEAKING in states


def voice_s(samples: Samples, over: float = LOUD) -> float:
    """Seconds in which something is heard, in blocks of 20 ms."""
    blocks = samples[: len(samples) // 960 * 960].reshape(-1, 960).max(axis=1)
    return float((blocks > over).sum() * 960 / BUS_HZ)
