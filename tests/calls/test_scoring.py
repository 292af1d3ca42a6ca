"""The score of an interview through a whole call: kept from line to line, live and on a tape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, silence
from bot.calls.replay.exact import replay
from bot.calls.replay.settings import changed_settings, fresh_engine
from bot.calls.replay.what_if import story_of, what_if
from bot.calls.scoring import ScoreKeeper, points_of
from bot.engine import actions as do
from bot.persona import Persona
from bot.providers.base import Message
from bot.providers.mock import MockLanguageModel, MockSpeechToText
from bot.providers.scripted import Scripted
from bot.store.interviews import Interview
from bot.store.queries import CallDetail, find_call
from bot.store.recorder import AnswerScore
from tests.calls.house import PACE_S, House, make_house, question
from tests.calls.test_replay import FAST, ended, taped
from tests.engine.score import World, persona

__all__ = ["make_house"]  # a fixture
HINT_ANSWERS = ("I like it a lot.", "It makes people wait.", "The depth is equal.")

DOORS = "Think of doors and keys."
LOCK = {"ask": "What is a lock good for?", "expect": ["one at a time", "waiting"], "hint": DOORS}
TREE = {"ask": "What is a balanced tree?", "expect": ["equal depth", "rotation", "logarithm"]}
BANK = f"""
[[questions]]
ask = "{LOCK["ask"]}"
expect = ["one at a time", "waiting"]
hint = "{DOORS}"
[[questions]]
ask = "{TREE["ask"]}"
expect = ["equal depth", "rotation", "logarithm"]
"""


def interviewer(**changes: object) -> Persona:
    return persona(flow="interview", questions=[LOCK, TREE], **changes)


def bot(turn: int, heard: str) -> do.NoteBot:
    return do.NoteBot(turn, f"{heard} And so on.", heard, True)


# ---- the keeper alone


def test_it_tells_the_whole_bank_at_first_and_then_what_changes() -> None:
    kept: list[AnswerScore] = []
    keeper = ScoreKeeper(interviewer(), kept.append)
    assert [(each.question, each.asked, each.expected) for each in kept] == [
        (1, False, 2),
        (2, False, 3),
    ]
    kept.clear()
    for note in (
        bot(0, "Hello."),
        bot(1, LOCK["ask"]),
        do.NoteCaller(2, "u1", "So that people wait."),
        do.NoteMark(2, do.Mark.STT_DONE, 1.0),
        do.NoteCaller(3, "u2", "I said wait."),
    ):
        keeper.note(note)
    assert kept == [
        AnswerScore(1, LOCK["ask"], 2, (), asked=True),
        AnswerScore(1, LOCK["ask"], 2, ("waiting",), asked=True),
    ], "what changes nothing is not written"
    assert keeper.points == (1, 2)


def test_only_what_was_heard_counts_not_what_was_written() -> None:
    keeper = ScoreKeeper(interviewer(), lambda _: None)
    keeper.note(do.NoteBot(1, LOCK["ask"], "What is", True))
    keeper.note(do.NoteCaller(2, "u1", "Waiting."))
    assert keeper.points == (0, 0)


def test_a_call_that_is_no_interview_has_no_score() -> None:
    kept: list[AnswerScore] = []
    keeper = ScoreKeeper(persona(questions=[LOCK]), kept.append)
    keeper.note(bot(1, LOCK["ask"]))
    assert keeper.points is None and not kept


# ---- whole calls


class OwnWords(MockLanguageModel):
    """A model that puts words of its own around the questions and the hint."""

    lines = (
        "So, please tell me, in a few words: what is a lock good for?",
        f"Here is some help. {DOORS}",
        "Nice. Now to something else. So what is a balanced tree, would you say?",
        "Thank you, we are done.",
    )

    async def reply(self, messages: Sequence[Message], **_: object) -> AsyncIterator[str]:
        yield self.lines[min(sum(each.role == "user" for each in messages), 3)]


def interview_house(make_house: Callable[..., House], **parts: object) -> House:
    """Its persona leads an interview; a busy machine gets no filler in between."""
    house = make_house(**{"stt": MockSpeechToText(HINT_ANSWERS)} | parts)
    file = house.config.personas.dir / "test.toml"
    file.write_text(f'flow = "interview"\n{file.read_text()}filler_after_s = 10\n{BANK}')
    assert not house.library.reload()
    return house


async def interviewed(
    house: House, answers: int, *, before_leaving: Callable[[], None] = lambda: None
) -> None:
    """Answer so many times, each time when the bot has finished; then hang up."""
    phone = house.call()
    await phone.answered()
    saying = np.zeros(0, np.int16)
    quiet_s, bot_spoke = 0.0, False
    async for frame in phone.frames():
        quiet_s = 0.0 if frame.any() else quiet_s + FRAME_S
        bot_spoke = bot_spoke or bool(frame.any())
        if not len(saying) and bot_spoke and quiet_s >= 1.0:
            if not answers:
                before_leaving()
                await phone.hang_up()
                break
            saying, bot_spoke, answers = question(), False, answers - 1
        part, saying = saying[:FRAME_SAMPLES], saying[FRAME_SAMPLES:]
        phone.write(np.concatenate([part, silence()])[:FRAME_SAMPLES])
        await asyncio.sleep(PACE_S)


async def interview_of(house: House) -> Interview:
    found = (await house.record()).interview
    assert found is not None
    return found


def told(found: Interview) -> list[tuple[bool, bool, list[str]]]:
    return [(each.asked, each.hinted, each.touched) for each in found.answers]


async def test_an_interview_leaves_its_score(make_house: Callable[..., House]) -> None:
    house = interview_house(make_house, llm=Scripted(interviewer()))
    await interviewed(house, 3)
    found = await interview_of(house)
    assert told(found) == [(True, True, ["waiting"]), (True, False, ["equal depth"])]
    assert (found.points, found.expected, found.hints) == (2, 5, 1)


async def test_another_model_with_words_of_its_own_is_judged_alike(
    make_house: Callable[..., House],
) -> None:
    house = interview_house(make_house, llm=OwnWords())
    await interviewed(house, 3)
    found = await interview_of(house)
    assert told(found) == [(True, True, ["waiting"]), (True, False, ["equal depth"])]


async def test_a_caller_who_leaves_early_keeps_the_score_so_far(
    make_house: Callable[..., House],
) -> None:
    house = interview_house(make_house, llm=Scripted(interviewer()))
    await interviewed(house, 2)
    found = await interview_of(house)
    assert told(found) == [(True, True, ["waiting"]), (True, False, [])], "put, not answered"
    assert (found.points, found.expected) == (1, 5)


async def test_the_score_is_in_the_record_while_the_call_goes_on(
    make_house: Callable[..., House],
) -> None:
    """So a worker that is killed in mid-call leaves it."""
    house = interview_house(make_house, llm=Scripted(interviewer()))
    live: list[CallDetail] = []

    def look() -> None:
        assert house.records.flush()
        live.append(find_call(house.config.store.path, "last"))

    await interviewed(house, 2, before_leaving=look)
    (detail,) = live
    assert detail.call.ended is None and detail.interview is not None
    assert (detail.interview.points, detail.interview.asked) == (1, 2)
    await house.record()


async def test_an_ordinary_call_has_no_interview(make_house: Callable[..., House]) -> None:
    house = make_house()
    await interviewed(house, 1)
    assert (await house.record()).interview is None


# ---- on a tape


def test_a_tape_gives_the_same_score(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    world = World(
        words=["People wait.", "The depth is equal, by rotation."],
        replies=[LOCK["ask"], f"Right. {TREE['ask']}", "Thank you."],
    )
    bank = {"flow": "interview", "questions": [LOCK, TREE]}
    call = taped(path, world, **bank, **FAST)
    call.until(lambda: len(world.replies) == 2).until(call.speaking).until(call.listening)
    call.speak(1.0).until(call.speaking).until(call.listening)
    call.speak(1.0).until(call.speaking).until(call.listening)
    live = points_of(interviewer(), [action for _, action in call.actions])
    tape = ended(call, path)
    assert live == (3, 5)
    assert replay(tape, fresh_engine(tape)).difference is None
    bank_then = changed_settings(tape).persona
    assert points_of(bank_then, [action for _, action in story_of(tape).did]) == live
    slower = what_if(tape, fresh_engine(tape, changes=["turn.silence_ms=900"]))
    assert points_of(bank_then, [action for _, action in slower.did]) == live
