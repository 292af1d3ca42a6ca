"""The engine hears back once for each thing it asked, whatever providers do; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.audio.frame import BUS_HZ
from bot.calls.performer import Performer
from bot.calls.phrasebook import Phrasebook
from bot.engine import inputs as told
from bot.engine.actions import AskModel, Line, Speak, Transcribe
from bot.providers.chain import Chain, Link, Patience
from bot.providers.circuit import Circuit
from bot.providers.fallback import (
    FallbackLanguageModel,
    FallbackSpeechToText,
    FallbackTextToSpeech,
)
from bot.providers.registry import Providers
from bot.providers.trail import Trail
from tests.calls.boxes import box
from tests.engine.score import persona
from tests.providers.faulty import Faulty, Step, error
from tests.support.virtual_time import in_virtual_time

ENDS = (
    told.Transcribed, told.TranscriptionFailed, told.ModelDone, told.ModelFailed,
    told.SpeechDone, told.SpeechFailed,
)  # fmt: skip
DEADLINE_S = 8.0
TURNS, CLAUSES = (1, 2), (0, 1)

behaviours = st.lists(
    st.builds(
        Step,
        takes_s=st.sampled_from([0.0, 0.1, 2.0, 3600.0]),
        fails=st.sampled_from(
            [None, error("503"), error("401"), error("429", 1.0), RuntimeError("a bug")]
        ),
        pieces=st.integers(0, 3),
    ),
    min_size=1,
    max_size=3,
)


class Asked:
    """One performer and what it told."""

    def __init__(self, folder: Path, scripts: Sequence[list[Step]]) -> None:
        self.inputs: list[told.Input] = []
        self.detours: list[tuple[int, str, Trail]] = []
        self.performer = Performer(
            persona(),
            Providers(
                FallbackSpeechToText(self._chain(scripts)),
                FallbackLanguageModel(self._chain(scripts)),
                FallbackTextToSpeech(self._chain(scripts)),
            ),
            Phrasebook(folder),
            DEADLINE_S + 0.5,
            tell=self.inputs.append,
            took=lambda *_: None,
            failed=lambda *_: None,
            detour=lambda turn, kind, trail: self.detours.append((turn, kind, trail)),
            toolbox=box(),
        )

    def _chain(self, scripts: Sequence[list[Step]]) -> Chain[Any]:
        made = [Faulty(f"p{number}", steps, BUS_HZ) for number, steps in enumerate(scripts)]
        return Chain([Link(each, Circuit()) for each in made], Patience(DEADLINE_S))


async def conversation(folder: Path, scripts: Sequence[list[Step]]) -> Asked:
    """Two turns, each with a transcription, a reply and two clauses, waited for patiently."""
    asked = Asked(folder, scripts)
    before = asyncio.all_tasks()
    for turn in TURNS:
        pcm = np.ones(4800, np.int16)
        asked.performer.transcribe(Transcribe(turn, f"u{turn}", told.Purpose.TURN, pcm))
        asked.performer.ask(AskModel(turn, (Line("user", "Hello."),)))
        for clause in CLAUSES:
            asked.performer.speak(Speak(turn, clause, f"clause {clause}"))
        await asyncio.sleep(20 * DEADLINE_S)
    await asked.performer.close()
    assert asyncio.all_tasks() == before
    return asked


def request_of(end: told.Input) -> tuple[object, ...]:
    """What this ends: the turn, and what of it."""
    match end:
        case told.Transcribed() | told.TranscriptionFailed():
            return end.turn, "stt", end.utterance_id
        case told.SpeechDone() | told.SpeechFailed():
            return end.turn, "tts", end.clause
    return end.turn, "llm"  # type: ignore[union-attr]


@settings(deadline=None)
@given(st.lists(behaviours, min_size=1, max_size=3))
def test_one_end_for_each_request_and_nothing_after_it(scripts: list[list[Step]]) -> None:
    with TemporaryDirectory() as folder, capture_logs():  # tracebacks take longer than the calls
        asked = in_virtual_time(conversation(Path(folder), scripts))
    ends = [request_of(each) for each in asked.inputs if isinstance(each, ENDS)]
    assert sorted(map(str, ends)) == sorted(
        str(request)
        for turn in TURNS
        for request in (
            (turn, "stt", f"u{turn}"), (turn, "llm"), *((turn, "tts", each) for each in CLAUSES)
        )
    )  # fmt: skip
    ended: set[tuple[object, ...]] = set()
    for each in asked.inputs:
        match each:
            case told.ModelText():
                assert (each.turn, "llm") not in ended
            case told.SpeechAudio():
                assert (each.turn, "tts", each.clause) not in ended
            case _:
                ended.add(request_of(each))


@settings(deadline=None)
@given(st.lists(behaviours, min_size=1, max_size=3))
def test_whoever_failed_is_told_with_the_turn(scripts: list[list[Step]]) -> None:
    with TemporaryDirectory() as folder, capture_logs():  # tracebacks take longer than the calls
        asked = in_virtual_time(conversation(Path(folder), scripts))
    names = {f"p{number}" for number in range(len(scripts))}
    for turn, kind, trail in asked.detours:
        assert turn in TURNS and kind in ("stt", "llm", "tts")
        assert {each.provider for each in trail.misses} <= names
        assert trail.answered in names | {""}


async def test_a_request_that_is_not_wanted_any_more_is_not_answered(tmp_path: Path) -> None:
    asked = Asked(tmp_path, [[Step(takes_s=0.01)]])
    asked.performer.ask(AskModel(1, (Line("user", "Hello."),)))
    await asyncio.sleep(0)
    asked.performer.cancel(1)
    await asked.performer.close()
    assert asked.inputs == [] and asked.detours == []
