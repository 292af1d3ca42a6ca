"""Whole calls through manager, session and record, over the loopback leg at 20 × real time."""

from __future__ import annotations

import asyncio
import gc
import wave
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, Samples, level_db
from bot.calls import manager as manager_module
from bot.calls.session import Session
from bot.errors import ProviderError
from bot.providers.base import Message, Transcript
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from tests.calls.house import PACE_S, TROUBLE, House, make_house, question, quiet

__all__ = ["make_house"]


async def test_a_call_is_answered_recorded_and_closed(make_house: Callable[..., House]) -> None:
    house = make_house()
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(5.0)])
    detail = await house.record()
    assert detail.call.end_reason == "caller hung up" and detail.call.ended is not None
    assert detail.call.persona == "test" and detail.call.codec == "L16"
    greeting, answer = detail.turns[:2]
    assert greeting.bot_heard == "Hello there."
    assert answer.caller_text == "What time do you open tomorrow?"
    assert answer.bot_heard == "You said: What time do you open tomorrow?"
    assert answer.utterance_id == f"{detail.call.id}-u1"
    assert answer.snr_db is not None and answer.snr_db > 20 and answer.conditioning == ""
    assert answer.heard_ms is not None and answer.heard_ms > 1000
    ledger = [
        answer.speech_end_ms, answer.turn_end_ms, answer.stt_done_ms,
        answer.llm_first_ms, answer.tts_first_ms, answer.first_audio_out_ms,
    ]  # fmt: skip
    assert None not in ledger and ledger == sorted(ledger)
    assert {answer.stt, answer.llm, answer.tts} == {"mock"}


async def test_a_noisy_turn_is_cleaned_and_its_record_says_so(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    phone = house.call()
    said = question()
    speech_db = level_db(said)
    dice = np.random.default_rng(3)

    def noisy(samples: Samples) -> Samples:
        hiss = dice.normal(0, 32768 * 10 ** ((speech_db - 10) / 20), len(samples))
        return np.clip(samples + hiss, -32768, 32767).astype(np.int16)

    await house.talk(phone, [noisy(quiet(3.0)), noisy(said), noisy(quiet(5.0))])
    answer = (await house.record()).turns[1]
    assert answer.caller_text
    assert answer.conditioning == "noise_suppression"
    assert answer.snr_db is not None and 3 < answer.snr_db < 12


async def test_the_recording_holds_both_sides_in_step(make_house: Callable[..., House]) -> None:
    house = make_house()
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(2.0)])
    detail = await house.record()
    with wave.open(detail.call.recording) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 16_000)
        both = np.frombuffer(file.readframes(10**9), np.int16).reshape(-1, 2)
    seconds = len(both) / 16_000
    assert abs(seconds - (1.5 + 2.0 + len(question()) / BUS_HZ)) < 0.1
    caller, bot = both[:, 0].astype(float), both[:, 1].astype(float)
    assert np.abs(bot[: 16_000 // 2]).max() > 1000, "the greeting starts at once, on the right"
    assert np.abs(caller[:16_000]).max() < 50, "the caller speaks later, on the left"
    assert np.abs(caller[int(1.6 * 16_000) :]).max() > 1000


async def test_a_number_without_a_route_is_refused_and_recorded(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    phone = house.call("9999")
    while phone.ended is None:
        await asyncio.sleep(0.001)
    assert phone.ended == "failed: not_found"
    assert (await house.record()).call.end_reason == "refused: no route"


async def test_a_caller_who_gives_up_while_it_rings(make_house: Callable[..., House]) -> None:
    house = make_house()
    phone = house.call("1001")
    await asyncio.sleep(0.05)
    await phone.hang_up()
    detail = await house.record()
    assert detail.call.end_reason == "cancelled" and detail.call.answered is None


async def test_a_shutdown_says_goodbye(make_house: Callable[..., House]) -> None:
    house = make_house()
    phone = house.call()
    talking = asyncio.create_task(house.talk(phone, [quiet(1.0)], hang_up=False))
    while len(house.heard) < 80:
        await asyncio.sleep(PACE_S)
    detail = await house.record()
    await talking
    assert phone.ended == "caller"  # the other side, seen from the phone
    assert detail.call.end_reason == "test over"
    assert detail.turns[-1].bot_heard == "I am sorry, we have to stop here. Goodbye."


class Deaf(MockSpeechToText):
    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        raise ProviderError("deaf", "503 overloaded", retryable=True)


class Buggy(MockLanguageModel):
    async def reply(self, messages: Sequence[Message], **_: object) -> AsyncIterator[str]:
        yield "I "
        raise RuntimeError("a bug")


class Polite(MockLanguageModel):
    """Says something of its own, then, when that is spoken, the greeting again."""

    async def reply(self, messages: Sequence[Message], **_: object) -> AsyncIterator[str]:
        yield "Let me see. Hello"
        await asyncio.sleep(0.1)
        yield " there."


class Stalled(MockLanguageModel):
    async def reply(self, messages: Sequence[Message], **_: object) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "never"


async def test_a_failing_transcriber_is_answered_with_a_request_to_repeat(
    make_house: Callable[..., House],
) -> None:
    house = make_house(stt=Deaf())
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(4.0)])
    turn = (await house.record()).turns[1]
    assert turn.error == "deaf: 503 overloaded"
    assert turn.bot_heard == TROUBLE


async def test_a_phrase_that_was_ready_is_told_as_such(make_house: Callable[..., House]) -> None:
    house = make_house(llm=Polite())
    persona = house.library.personas["test"]
    await house.phrases.render(persona, [persona.greeting], MockTextToSpeech())
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(8.0)])
    greeting, answer = (await house.record()).turns[:2]
    assert (greeting.tts, greeting.tts_took_ms, greeting.who) == ("cache", 0.0, "tts cache")
    assert answer.bot_heard == "Let me see. Hello there."
    assert answer.tts == "mock" and answer.tts_took_ms, "a voice was asked for a part of it"


async def test_a_bug_in_a_provider_ends_no_call(make_house: Callable[..., House]) -> None:
    house = make_house(llm=Buggy())
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(5.0)])
    detail = await house.record()
    assert detail.call.end_reason == "caller hung up"
    said = [turn.bot_heard for turn in detail.turns]
    assert TROUBLE in said


async def test_after_the_call_nothing_is_left_running(make_house: Callable[..., House]) -> None:
    house = make_house(llm=Stalled())
    before = asyncio.all_tasks()
    phone = house.call()
    await house.talk(phone, [quiet(1.5), question(), quiet(1.5)])
    await house.record()
    assert asyncio.all_tasks() - before == set()


async def test_a_call_that_is_over_is_freed_at_once(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the garbage collector comes by: 200 calls would wait for it, megabytes of them."""
    made: list[weakref.ref[Session]] = []

    def remembered(*parts: Any) -> Session:
        session = Session(*parts)
        made.append(weakref.ref(session))
        return session

    monkeypatch.setattr(manager_module, "Session", remembered)
    house = make_house(persona='[tools]\nuse = ["hang_up"]\n')
    gc.disable()
    try:
        await house.talk(house.call(), [quiet(1.5), question(), quiet(3.0)])
        await house.record()
        (session,) = made
        assert session() is None, [type(each) for each in gc.get_referrers(session())]
    finally:
        gc.enable()
