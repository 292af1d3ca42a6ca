"""What a page is told of a call, told by real calls over the loopback leg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.engine.actions import NoteBot, NoteDecision, NoteState
from bot.engine.engine import Glimpse
from bot.legs.base import Hold
from bot.legs.loopback import LoopbackLeg
from bot.web.messages import AgentStateEvent, CallEvent, Latency, SpeakingState, Transcript
from bot.web.narrator import Narrator
from tests.calls.house import House, make_house, question, quiet

__all__ = ["make_house"]


@pytest.fixture
def told() -> list[CallEvent]:
    return []


@pytest.fixture
def narrator(told: list[CallEvent]) -> Narrator:
    return Narrator(told.append)


def states(told: list[CallEvent]) -> list[str]:
    return [each.state for each in told if isinstance(each, AgentStateEvent)]


async def test_a_call_is_told_from_its_greeting_to_its_end(
    make_house: Callable[..., House], narrator: Narrator, told: list[CallEvent]
) -> None:
    house = make_house()
    phone = house.call(tap=narrator)
    await house.talk(phone, [quiet(1.5), question(), quiet(5.0)])
    detail = await house.record()
    assert narrator.call_id == detail.call.id and narrator.persona == "test"
    assert states(told) == [
        "listening", "speaking", "listening", "thinking", "speaking", "listening", "ended",
    ]  # fmt: skip
    assert told[-1] == AgentStateEvent(state="ended", reason="caller hung up")

    last = {(each.who, each.turn): each for each in told if isinstance(each, Transcript)}
    greeting, asked, answer = (last[key] for key in (("agent", 0), ("caller", 1), ("agent", 1)))
    assert greeting.text == greeting.heard == "Hello there."
    assert asked.text == "What time do you open tomorrow?"
    assert answer.heard == "You said: What time do you open tomorrow?" and not answer.interrupted

    (latency,) = [each for each in told if isinstance(each, Latency)]
    turn = detail.turns[1]
    assert turn.first_audio_out_ms is not None and turn.speech_end_ms is not None
    assert latency.total_ms == pytest.approx(turn.first_audio_out_ms - turn.speech_end_ms, abs=0.2)
    assert sum(latency.parts_ms.values()) == pytest.approx(latency.total_ms, abs=0.5)

    heard = [(each.who, each.speaking) for each in told if isinstance(each, SpeakingState)]
    assert heard[0] == ("agent", True)
    assert ("caller", True) in heard and heard.count(("caller", True)) <= 3
    for who in ("caller", "agent"):
        on_off = [speaking for whose, speaking in heard if whose == who]
        assert on_off == [at % 2 == 0 for at in range(len(on_off))]


async def test_a_number_nobody_has_ends_at_once(
    make_house: Callable[..., House], narrator: Narrator, told: list[CallEvent]
) -> None:
    house = make_house()
    phone = house.call("9999", tap=narrator)
    await over(phone)
    await house.record()
    assert told == [AgentStateEvent(state="ended", reason="refused: no route")]


async def test_a_persona_is_called_by_name(
    make_house: Callable[..., House], narrator: Narrator, told: list[CallEvent]
) -> None:
    house = make_house()
    phone = house.call("", persona="test", tap=narrator)
    await house.talk(phone, [quiet(1.0)])
    assert (await house.record()).call.route_why == "test was asked for by name"
    assert states(told)[:2] == ["listening", "speaking"]


async def test_a_persona_nobody_knows_is_refused(make_house: Callable[..., House]) -> None:
    house = make_house()
    await over(house.call("1000", persona="nobody"))
    assert (await house.record()).call.end_reason == "refused: no route"


async def test_ringing_is_told(
    make_house: Callable[..., House], narrator: Narrator, told: list[CallEvent]
) -> None:
    house = make_house()
    phone = house.call("1001", tap=narrator)
    while narrator.state != "ringing":
        assert phone.ended is None
        await asyncio.sleep(0.001)
    await phone.hang_up()
    await house.record()
    assert states(told) == ["ringing", "ended"]


async def over(phone: LoopbackLeg) -> None:
    while phone.ended is None:
        await asyncio.sleep(0.001)


def test_a_pause_for_an_interruption_is_told(narrator: Narrator, told: list[CallEvent]) -> None:
    narrator.answered()
    narrator.noted(NoteState(1, "AI_SPEAKING", "PROCESSING_USER", "", 1.0), 1.0)
    narrator.noted(NoteDecision(1, "barge-in paused", "", 2.0), 2.0)
    narrator.noted(NoteDecision(1, "barge-in checked", "", 2.3), 2.3)
    narrator.noted(NoteDecision(1, "barge-in resumed", "", 2.5), 2.5)
    assert states(told) == ["listening", "speaking", "paused", "speaking"]


def test_after_a_hold_it_does_what_it_did_meanwhile(
    narrator: Narrator, told: list[CallEvent]
) -> None:
    narrator.answered()
    narrator.noted(NoteState(1, "AI_SPEAKING", "WAIT_FOR_USER", "", 1.0), 1.0)
    narrator.line(Hold(on=True), 2.0)
    narrator.line(Hold(on=True), 2.1)
    narrator.noted(NoteState(1, "WAIT_FOR_USER", "AI_SPEAKING", "", 3.0), 3.0)
    narrator.line(Hold(on=False), 4.0)
    assert states(told) == ["listening", "speaking", "on_hold", "listening"]


def test_a_hold_that_nothing_happened_behind_ends_as_it_began(
    narrator: Narrator, told: list[CallEvent]
) -> None:
    narrator.answered()
    narrator.line(Hold(on=True), 2.0)
    narrator.line(Hold(on=False), 4.0)
    assert states(told) == ["listening", "on_hold", "listening"]


def test_a_glimpse_does_not_overwrite_what_the_record_says(
    narrator: Narrator, told: list[CallEvent]
) -> None:
    narrator.glimpsed(Glimpse(1, False, True, "One. Two.", "One."), 1.0)
    narrator.glimpsed(Glimpse(1, False, True, "One. Two.", "One."), 1.1)
    narrator.noted(NoteBot(1, "One. Two.", "One.", interrupted=True), 1.2)
    narrator.glimpsed(Glimpse(1, False, False, "One. Two.", "One. Two."), 1.3)
    narrator.glimpsed(Glimpse(2, False, True, "Three.", "Three."), 2.0)
    said = [(e.turn, e.heard, e.interrupted) for e in told if isinstance(e, Transcript)]
    assert said == [(1, "One.", False), (1, "One.", True), (2, "Three.", False)]
