"""Streams behind chains, in virtual time: who begins, who goes on, and what is left closed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ProviderError
from bot.providers.base import Voice
from bot.providers.chain import Chain, Link
from bot.providers.circuit import Circuit, CircuitSettings, CircuitState
from bot.providers.fallback import (
    FallbackLanguageModel,
    FallbackTextToSpeech,
)
from bot.providers.trail import Trail, watching
from tests.providers.faulty import Faulty, Step, error
from tests.providers.test_fallback import PATIENCE, WELL, chain, steps, told
from tests.support.virtual_time import in_virtual_time


async def drain(pieces: Any) -> tuple[list[Any], str, Trail]:
    """What came, the code of the error it ended with, and the trail."""
    got: list[Any] = []
    with watching() as trail:
        try:
            async for piece in pieces:
                got += [piece]
        except ProviderError as failure:
            return got, failure.code, trail
    return got, "", trail


def stream_of(kind: str, *providers: Faulty) -> tuple[list[Any], str, Trail]:
    async def use() -> tuple[list[Any], str, Trail]:
        if kind == "llm":
            return await drain(FallbackLanguageModel(chain(*providers)).reply([]))
        return await drain(FallbackTextToSpeech(chain(*providers)).speak("x", voice=Voice()))

    return in_virtual_time(use())


@pytest.mark.parametrize("kind", ["llm", "tts"])
def test_who_fails_before_the_first_piece_is_replaced_silently(kind: str) -> None:
    first, second = Faulty("a", [Step(pieces=0, fails=error("503"))]), Faulty("b")
    got, code, trail = stream_of(kind, first, second)
    assert (len(got), code, trail.answered) == (3, "", "b")
    assert told(trail) == ["a 503", "a 503"]


def test_a_model_that_fails_in_mid_reply_is_not_begun_again() -> None:
    first, second = Faulty("a", [Step(pieces=2, fails=error("cut"))]), Faulty("b")
    got, code, trail = stream_of("llm", first, second)
    assert (len(got), code, trail.answered, told(trail)) == (2, "cut", "", ["a cut"])
    assert second.asked == 0


CLAUSE = "We are open from eight in the morning to six in the evening."


def spoken_by(*voices: Faulty, speed: float = 1.0) -> tuple[float, str, Trail]:
    """Seconds of speech, the code of the error it ended with, and the trail."""

    async def use() -> tuple[list[Any], str, Trail]:
        tts = FallbackTextToSpeech(chain(*voices))
        return await drain(tts.speak(CLAUSE, voice=Voice(speed=speed)))

    got, code, trail = in_virtual_time(use())
    return sum(map(len, got)) / voices[0].rate, code, trail


def breaks_off(after_s: float) -> Step:
    return Step(pieces=round(after_s * 10), fails=error("cut"))


def test_a_voice_that_breaks_off_is_followed_by_the_next_with_the_words_that_are_left() -> None:
    first, second = Faulty("a", [breaks_off(2.0)]), Faulty("b", [Step(pieces=30)])
    seconds, code, trail = spoken_by(first, second)
    assert (seconds, code) == (pytest.approx(5.0), "")
    assert (trail.answered, told(trail), trail.turns) == ("b", ["a cut"], 2)
    assert second.texts == ["in the morning to six in the evening."]
    assert first.asked == 1 and first.closed == 1


def test_a_faster_voice_has_said_more() -> None:
    second = Faulty("b")
    spoken_by(Faulty("a", [breaks_off(2.0)]), second, speed=1.5)
    assert second.texts == ["morning to six in the evening."]


def test_what_breaks_off_at_once_is_said_from_the_beginning() -> None:
    second = Faulty("b")
    spoken_by(Faulty("a", [breaks_off(0.1)]), second)
    assert second.texts == [CLAUSE]


def test_voices_may_break_off_one_after_the_other() -> None:
    third = Faulty("c")
    _, code, trail = spoken_by(
        Faulty("a", [breaks_off(1.0)]), Faulty("b", [breaks_off(2.0)]), third
    )
    assert (code, trail.answered, told(trail)) == ("", "c", ["a cut", "b cut"])
    assert third.texts == ["morning to six in the evening."]


def test_a_voice_that_breaks_off_behind_its_last_word_has_said_all() -> None:
    second = Faulty("b")
    seconds, code, trail = spoken_by(Faulty("a", [breaks_off(6.0)]), second)
    assert (seconds, code, told(trail)) == (pytest.approx(6.0), "", ["a cut"])
    assert trail.answered == "a" and second.asked == 0


def test_a_voice_that_falls_silent_is_waited_for_no_longer_than_its_share() -> None:
    silent, second = FallsSilent("a"), Faulty("b")

    async def use() -> float:
        began = asyncio.get_running_loop().time()
        await drain(FallbackTextToSpeech(chain(silent, second)).speak(CLAUSE, voice=Voice()))
        return asyncio.get_running_loop().time() - began

    assert in_virtual_time(use()) == pytest.approx(PATIENCE.share_s, abs=0.1)
    assert second.texts and silent.closed == 1


def test_the_last_voice_that_breaks_off_is_an_error() -> None:
    first, last = Faulty("a", [breaks_off(1.0)]), Faulty("b", [breaks_off(0.5)])
    seconds, code, trail = spoken_by(first, last)
    assert (seconds, code, told(trail)) == (pytest.approx(1.5), "cut", ["a cut", "b cut"])


class FallsSilent(Faulty):
    """Says a word, then nothing for an hour."""

    async def _stream(self, all_pieces: list[Any]) -> Any:
        try:
            yield all_pieces[0]
            await asyncio.sleep(3600.0)
        finally:
            self.closed += 1


@pytest.mark.parametrize("kind", ["llm", "tts"])
def test_breaking_off_opens_the_circuit_too(kind: str) -> None:
    circuit = Circuit()
    provider = Faulty("a", [Step(pieces=2, fails=error("cut"))])
    one = Chain([Link(provider, circuit)], PATIENCE)

    async def use() -> CircuitState:
        for _ in range(3):
            if kind == "llm":
                await drain(FallbackLanguageModel(one).reply([]))
            else:
                await drain(FallbackTextToSpeech(one).speak("x", voice=Voice()))
        return circuit.state(asyncio.get_running_loop().time())

    assert in_virtual_time(use()) is CircuitState.OPEN
    assert provider.closed == provider.asked


def test_a_model_that_writes_nothing_has_failed() -> None:
    got, code, trail = stream_of("llm", Faulty("a", [Step(pieces=0)]), Faulty("b"))
    assert (len(got), code, trail.answered) == (3, "", "b")
    assert told(trail) == ["a empty", "a empty"]


def test_a_voice_with_nothing_to_say_has_not() -> None:
    got, code, trail = stream_of("tts", Faulty("a", [Step(pieces=0)]), Faulty("b"))
    assert (got, code, trail.answered, trail.misses) == ([], "", "a", [])


def test_voices_of_two_rates_meet_at_the_bus() -> None:
    first = Faulty("a", [Step(pieces=0, fails=error("400"))], rate=24_000)
    second = Faulty("b", rate=22_050)
    assert FallbackTextToSpeech(chain(first)).rate == 24_000
    assert FallbackTextToSpeech(chain(first, second)).rate == 48_000
    got, _, _ = stream_of("tts", first, second)
    assert sum(map(len, got)) == pytest.approx(3 * 4800, abs=3)


def test_a_speaker_is_only_named_to_the_provider_it_belongs_to() -> None:
    first, second = Faulty("a", [Step(pieces=0, fails=error("400"))]), Faulty("b")
    voice = Voice(preset_id="hannah", style="calm", speed=1.2, pitch=2.0)
    tts = FallbackTextToSpeech(chain(first, second))
    in_virtual_time(drain(tts.speak("x", voice=voice)))
    assert first.voices == [voice]
    assert second.voices == [Voice(speed=1.2, pitch=2.0)]


def test_a_stream_that_is_left_early_is_closed_and_counts_as_good() -> None:
    circuit = Circuit(CircuitSettings(in_a_row=1, cool_down_s=1.0))
    provider = Faulty("a", [Step(pieces=0, fails=error("400")), WELL])
    llm = FallbackLanguageModel(Chain([Link(provider, circuit)], PATIENCE))

    async def use() -> None:
        await drain(llm.reply([]))
        stream: Any = llm.reply([])
        async with aclosing(stream):
            assert await anext(stream) == "a 0 "
        assert provider.closed == 2

    in_virtual_time(use())
    assert circuit.ask(100.0) is not None


@given(st.lists(steps, min_size=1, max_size=4), st.sampled_from(["llm", "tts"]))
def test_a_stream_always_ends(scripts: list[list[Step]], kind: str) -> None:
    providers = [Faulty(str(number), each) for number, each in enumerate(scripts)]
    got, code, trail = stream_of(kind, *providers)
    assert code or trail.answered
    assert all(each.closed <= each.asked for each in providers)
    if kind == "llm" and got:
        (wrote,) = {piece.split()[0] for piece in got}  # one reply is in one hand
        assert wrote == trail.answered or (code and not trail.answered)
