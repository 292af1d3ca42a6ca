"""Tapes of calls under other settings: which turns would differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.calls.replay.exact import replay
from bot.calls.replay.settings import fresh_engine
from bot.calls.replay.turns import Pair, compare
from bot.calls.replay.what_if import Story, story_of, what_if
from bot.calls.tape import Recorded
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.errors import ConfigError
from tests.calls.test_replay import FAST, ended, talk, taped
from tests.engine.score import World


def asked(tape: Recorded, *changes: str) -> tuple[Story, list[Pair]]:
    story = what_if(tape, fresh_engine(tape, changes=changes))
    return story, compare(story_of(tape), story)


def test_a_setting_that_changes_nothing_differs_nowhere(tmp_path: Path) -> None:
    tape = talk(tmp_path / "a.tape")
    for changes in ((), ("turn.silence_ms=700",), ("idle.after_s=30",)):
        story, pairs = asked(tape, *changes)
        assert story.differs_from is None and story.guess_from is None
        assert [pair.verdict for pair in pairs] == ["same"] * len(pairs)
        assert len(pairs) >= 4


def test_more_patience_moves_the_answers_and_nothing_else(tmp_path: Path) -> None:
    tape = talk(tmp_path / "a.tape")
    story, pairs = asked(tape, "turn.silence_ms=900")
    greeting, first, second = pairs[:3]
    assert greeting.verdict == "same"
    assert story.differs_from is not None and story.guess_from is None
    for pair in (first, second):
        assert pair.verdict == "differs" and not pair.guess
        assert pair.then is not None and pair.now is not None
        assert pair.now.wait_ms == pytest.approx(pair.then.wait_ms + 200, abs=21)
        assert pair.now.caller == pair.then.caller and pair.now.reply == pair.then.reply
    assert "end" in first.changed and "caller" not in first.changed


def test_two_turns_that_become_one_are_told_as_a_guess(tmp_path: Path) -> None:
    """Nobody asked the model both questions at once: its reply is not on the tape."""
    path = tmp_path / "a.tape"
    call = taped(path, World(words=["what time do you open", "and where are you"]), **FAST)
    call.wait(1.5).speak(1.2).wait(2.6).speak(1.0).wait(8.0)
    story, pairs = asked(ended(call, path), "turn.silence_ms=3000")
    assert story.guess_from is not None
    assert story.guess_from.why == "the model was never asked this"
    joined = next(p.now for p in pairs if p.now and "and where" in p.now.caller)
    assert joined.caller == "what time do you open and where are you"
    assert joined.reply == "This reply is a guess, because nothing on the tape answers these words."
    assert not pairs[0].guess
    assert all(pair.guess for pair in pairs if pair.now and pair.now.turn >= joined.turn)


def test_a_turn_cut_in_two_has_a_share_of_the_words(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    call = taped(path, World(words=["one two three four five six"]), turn={"silence_ms": 1500})
    call.wait(1.5).speak(1.0).wait(1.0).speak(1.0).wait(5.0)
    story, pairs = asked(ended(call, path), "turn.silence_ms=400")
    assert story.guess_from is not None
    assert story.guess_from.why == "only longer audio was transcribed"
    said = [pair.now.caller for pair in pairs if pair.now and pair.now.caller]
    assert said[0] == "one two three"


def test_audio_nobody_transcribed_is_marked(tmp_path: Path) -> None:
    """The live caller hung up in the silence that would have ended the turn."""
    path = tmp_path / "a.tape"
    call = taped(path, turn={"silence_ms": 2500})
    call.wait(1.5).speak(1.0).wait(2.0)
    story, pairs = asked(ended(call, path), "turn.silence_ms=500")
    assert story.guess_from is not None and "never transcribed" in story.guess_from.why
    (new,) = [pair for pair in pairs if pair.verdict == "new"]
    assert new.now is not None and new.now.caller == "(words that were not transcribed)"
    assert new.guess


def test_a_hang_up_that_comes_earlier_ends_the_call(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    call = taped(path, idle={"after_s": 4.0})
    call.wait(14.0)
    story, _ = asked(ended(call, path), "idle.after_s=2", "idle.reprompts=[]")
    ends = [at for at, action in story.did if isinstance(action, do.HangUpCall)]
    assert len(ends) == 1 and ends[0] < 9
    assert story.did[-1][0] == ends[0]


def test_keys_and_hold_stay_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    call = taped(path, **FAST).wait(1.5)
    call.speak(1.0).wait(3.0)
    for digit in "42":
        call.tell(told.DigitPressed(digit)).wait(0.3)
    call.wait(3.0).tell(told.HoldChanged(True)).wait(2.0).tell(told.HoldChanged(False)).wait(2.0)
    tape = ended(call, path)
    assert replay(tape, fresh_engine(tape)).difference is None
    story, _ = asked(tape, "turn.silence_ms=1000")
    lines = [a.history[-1].text for _, a in story.did if isinstance(a, do.AskModel)]
    assert len(lines) == 2 and "4" in lines[-1] and "2" in lines[-1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("turn.silense_ms=900", 'is no key known here. Did you mean "silence_ms"?'),
        ("turn.silence_ms=5", "--set: turn.silence_ms: is 5. It must be at least 200."),
        ("turn.silence_ms=soon", "--set: turn.silence_ms: is 'soon'. It must be a whole number."),
        ("barge_in.behaviour=rude", "Use one of 'aggressive', 'balanced' or 'conservative'."),
        ("turn.silence_ms", "--set: turn.silence_ms: is no key=value. Write it like"),
        ("greeting.text=x", "--set: greeting.text: goes into greeting, which is no table."),
        ("limits.goodbye_s=3", "--set: limits.goodbye_s: means nothing to a replay."),
        ("limits.dead_air_s=1", "--set: limits.dead_air_s: is 1. It must be at least 2"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_key_and_remedy(
    tmp_path: Path, change: str, error: str
) -> None:
    tape = talk(tmp_path / "a.tape")
    with pytest.raises(ConfigError) as caught:
        fresh_engine(tape, changes=[change])
    assert error in str(caught.value)


def test_settings_take_the_types_of_toml(tmp_path: Path) -> None:
    tape = talk(tmp_path / "a.tape")
    changes = [
        "turn.hold_s=1.5", 'barge_in.stop_words=["hey", "hello"]', "greeting=Hi there.",
        "limits.dead_air_s=4",
    ]  # fmt: skip
    settings = fresh_engine(tape, changes=changes)._settings
    assert settings.persona.turn.hold_s == 1.5
    assert settings.persona.barge_in.stop_words == ["hey", "hello"]
    assert settings.persona.greeting == "Hi there."
    assert settings.dead_air_s == 4.0


def test_what_a_model_wanted_is_wanted_again_at_another_time(tmp_path: Path) -> None:
    """Put through, refused, taken back: with more patience all of it comes a little later."""
    path = tmp_path / "call.tape"
    world = World(
        words=["put me through"], replies=["I put you through."], transfer_s=0.5,
        wishes=[[(told.Control.TRANSFER, "sip:desk@pbx.test", "desk")]],
    )  # fmt: skip
    tools = {"use": ["transfer"], "targets": {"desk": "sip:desk@pbx.test"}}
    call = taped(path, world, tools=tools)
    call.wait(0.1).until(call.listening).speak(1.0).wait(2.6)
    call.until(lambda: "nobody answers there" in call.said()[-1]).until(call.listening).wait(2.0)
    tape = ended(call, path)
    story, _ = asked(tape, "turn.silence_ms=3000")
    transfers = [at for at, action in story.did if isinstance(action, do.TransferCall)]
    before = [at for at, action in call.actions if isinstance(action, do.TransferCall)]
    assert len(transfers) == 1 and transfers[0] == pytest.approx(before[0] + 0.5, abs=0.05)
    said = [action.text for _, action in story.did if isinstance(action, do.Speak)]
    assert "nobody answers there" in said[-1]
