"""Chains of providers, in virtual time: who is asked when, and what the engine hears of it."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ProviderError
from bot.providers.chain import Chain, Link, Patience
from bot.providers.circuit import Circuit, CircuitSettings, CircuitState
from bot.providers.fallback import (
    FallbackSpeechToText,
)
from bot.providers.trail import Trail, watching
from tests.providers.faulty import Faulty, Step, error
from tests.support.virtual_time import in_virtual_time

PATIENCE = Patience(deadline_s=8.0, share_s=3.0)
PCM = np.ones(1600, np.int16)
NEVER = Step(takes_s=3600.0)
DOWN = Step(fails=error("503"))
WELL = Step()


def chain(*providers: Faulty) -> Chain[Any]:
    return Chain([Link(each, Circuit()) for each in providers], PATIENCE)


async def transcribe(stt: FallbackSpeechToText) -> tuple[str, float, Trail]:
    """The words, or the error's code, how long it took, and the trail."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with watching() as trail:
        try:
            told = (await stt.transcribe(PCM, language="en")).text
        except ProviderError as failure:
            told = failure.code
    return told, loop.time() - began, trail


def asked_once(*providers: Faulty, hedge: bool = False) -> tuple[str, float, Trail]:
    return in_virtual_time(transcribe(FallbackSpeechToText(chain(*providers), hedge=hedge)))


def told(trail: Trail) -> list[str]:
    return [str(miss) for miss in trail.misses]


# ---- whole answers


def test_the_first_answers_and_nobody_else_is_asked() -> None:
    first, second = Faulty("a"), Faulty("b")
    words, took_s, trail = asked_once(first, second)
    assert (words, trail.answered, trail.misses) == ("heard by a", "a", [])
    assert took_s == pytest.approx(0.01) and second.asked == 0


def test_what_can_be_tried_again_is_tried_again_with_jitter() -> None:
    waits = set()
    for _ in range(5):
        words, took_s, trail = asked_once(Faulty("a", [DOWN, WELL]), Faulty("b"))
        assert (words, trail.answered, told(trail)) == ("heard by a", "a", ["a 503"])
        waits.add(round(took_s, 4))
    assert min(waits) >= 0.12 and max(waits) <= 0.33 and len(waits) > 1


def test_what_cannot_be_tried_again_goes_on_at_once() -> None:
    first = Faulty("a", [Step(fails=error("401"))])
    words, took_s, trail = asked_once(first, Faulty("b"))
    assert (words, told(trail), trail.answered) == ("heard by b", ["a 401"], "b")
    assert first.asked == 1 and took_s == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("after_s", "words", "at_least_s"), [(1.5, "heard by a", 1.5), (2.9, "heard by b", 0.02)]
)
def test_a_wait_the_server_asks_for_is_kept_when_it_fits(
    after_s: float, words: str, at_least_s: float
) -> None:
    busy = Step(fails=error("429", retry_after_s=after_s))
    heard, took_s, trail = asked_once(Faulty("a", [busy, WELL]), Faulty("b"))
    assert heard == words and told(trail) == ["a 429"]
    assert at_least_s <= took_s < at_least_s + 0.05


def test_the_last_one_may_use_the_whole_deadline() -> None:
    busy = Step(fails=error("429", retry_after_s=6.0))
    words, took_s, _ = asked_once(Faulty("a", [busy, WELL]))
    assert words == "heard by a" and took_s == pytest.approx(6.02)


def test_a_silent_one_is_given_up_in_time_for_the_next() -> None:
    words, took_s, trail = asked_once(Faulty("a", [NEVER]), Faulty("b"))
    assert (words, told(trail)) == ("heard by b", ["a timeout"])
    assert took_s == pytest.approx(3.01)


def test_all_silent_end_at_the_deadline() -> None:
    names = "abcd"
    words, took_s, trail = asked_once(*(Faulty(name, [NEVER]) for name in names))
    assert words == "timeout" and took_s == pytest.approx(8.0)
    assert told(trail) == ["a timeout", "b timeout", "c timeout"] and trail.answered == ""


def test_audio_is_brought_to_the_rate_of_whoever_is_asked() -> None:
    first, second = Faulty("a", [Step(fails=error("400"))]), Faulty("b", rate=8000)
    asked_once(first, second)
    assert len(second.heard[0]) == len(PCM) // 2


def test_a_bug_is_not_hidden_and_leaves_no_probe_behind() -> None:
    circuit = Circuit(CircuitSettings(in_a_row=1, cool_down_s=1.0))
    provider = Faulty("a", [DOWN, Step(fails=RuntimeError("a bug")), WELL])
    stt = FallbackSpeechToText(Chain([Link(provider, circuit)], PATIENCE))

    async def use() -> None:
        assert (await transcribe(stt))[0] == "503"
        await asyncio.sleep(1.0)
        with pytest.raises(RuntimeError, match="a bug"):
            await transcribe(stt)
        assert (await transcribe(stt))[0] == "heard by a"

    in_virtual_time(use())


# ---- circuits


def test_a_provider_that_keeps_failing_is_left_alone_then_probed() -> None:
    first, second = Faulty("a", [DOWN] * 4 + [WELL]), Faulty("b")
    stt = FallbackSpeechToText(chain(first, second))

    async def use() -> list[list[str]]:
        trails = [told((await transcribe(stt))[2]) for _ in range(3)]
        await asyncio.sleep(CircuitSettings().cool_down_s)
        return [*trails, told((await transcribe(stt))[2])]  # the probe fails as well

    assert in_virtual_time(use()) == [
        ["a 503", "a 503"], ["a 503"], ["a circuit open"], ["a 503"]
    ]  # fmt: skip
    assert first.asked == 4


def test_a_request_that_only_this_caller_makes_wrong_opens_nothing() -> None:
    first, second = Faulty("a", [Step(fails=error("400"))]), Faulty("b")
    stt = FallbackSpeechToText(chain(first, second))

    async def use() -> None:
        for _ in range(10):
            await transcribe(stt)

    in_virtual_time(use())
    assert first.asked == 10


def test_a_wrong_key_is_not_shown_again_and_again() -> None:
    first, second = Faulty("a", [Step(fails=error("401"))]), Faulty("b")
    stt = FallbackSpeechToText(chain(first, second))

    async def use() -> None:
        for _ in range(10):
            await transcribe(stt)

    in_virtual_time(use())
    assert first.asked == 3


def test_with_all_circuits_open_nobody_waits() -> None:
    stt = FallbackSpeechToText(chain(Faulty("a", [DOWN]), Faulty("b", [DOWN])))

    async def use() -> tuple[str, float, Trail]:
        for _ in range(2):
            await transcribe(stt)
        return await transcribe(stt)

    words, took_s, trail = in_virtual_time(use())
    assert words == "circuit open" and took_s == 0
    assert told(trail) == ["a circuit open", "b circuit open"]


def test_a_caller_who_goes_says_nothing_about_the_provider() -> None:
    circuit = Circuit()
    stt = FallbackSpeechToText(Chain([Link(Faulty("a", [NEVER]), circuit)], PATIENCE))

    async def use() -> CircuitState:
        for _ in range(10):
            asking = asyncio.ensure_future(stt.transcribe(PCM, language="en"))
            await asyncio.sleep(1.0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        return circuit.state(asyncio.get_running_loop().time())

    assert in_virtual_time(use()) is CircuitState.CLOSED


# ---- hedging


def hedged(first: Faulty, second: Faulty, times: int) -> list[tuple[str, float, list[str]]]:
    stt = FallbackSpeechToText(chain(first, second), hedge=True)

    async def use() -> list[tuple[str, float, list[str]]]:
        heard = [await transcribe(stt) for _ in range(times)]
        return [(words, round(took_s, 2), told(trail)) for words, took_s, trail in heard]

    return in_virtual_time(use())


def test_slower_than_usual_lets_the_next_one_run_too() -> None:
    first = Faulty("a", [Step(takes_s=0.2)] * 10 + [Step(takes_s=2.0)])
    second = Faulty("b", [Step(takes_s=0.1)])
    assert hedged(first, second, 11)[-1] == ("heard by b", 0.3, ["a slow"])
    assert second.asked == 1


def test_whoever_is_first_is_heard() -> None:
    first = Faulty("a", [Step(takes_s=0.2)] * 10 + [Step(takes_s=0.4)])
    second = Faulty("b", [Step(takes_s=1.0)])
    assert hedged(first, second, 11)[-1] == ("heard by a", 0.4, [])


def test_before_anything_is_usual_nobody_is_overtaken() -> None:
    first, second = Faulty("a", [WELL] * 9 + [Step(takes_s=2.0)]), Faulty("b")
    assert hedged(first, second, 10)[-1] == ("heard by a", 2.0, [])


def test_hedged_or_not_a_failure_is_replaced() -> None:
    first = Faulty("a", [Step(takes_s=0.2)] * 10 + [Step(fails=error("400"))])
    assert hedged(first, Faulty("b"), 11)[-1] == ("heard by b", 0.02, ["a 400"])
    assert hedged(first, Faulty("b", [Step(fails=error("400"))]), 2)[-1][0] == "400"


# ---- whatever happens

steps = st.lists(
    st.builds(
        Step,
        takes_s=st.floats(0, 20),
        fails=st.sampled_from([None, error("503"), error("400"), error("429", 2.0)]),
        pieces=st.integers(0, 3),
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(steps, min_size=1, max_size=4), st.booleans(), st.integers(1, 4))
def test_there_is_always_one_answer_or_one_error_in_time(
    scripts: list[list[Step]], hedge: bool, requests: int
) -> None:
    async def use() -> None:
        before = asyncio.all_tasks()
        stt = FallbackSpeechToText(
            chain(*(Faulty(str(number), each) for number, each in enumerate(scripts))), hedge=hedge
        )
        for _ in range(requests):
            words, took_s, trail = await transcribe(stt)
            assert took_s <= PATIENCE.deadline_s + 0.001
            assert (words == f"heard by {trail.answered}") == bool(trail.answered)
            assert trail.answered or trail.misses
        assert asyncio.all_tasks() == before

    in_virtual_time(use())
