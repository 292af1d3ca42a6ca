"""Ten thousand random calls: whatever the order of events, the engine keeps its promises.

On the way each call checks that no silence is too long, that no stale voice is heard, that
nothing is queued without bound and that after the hang-up only the books are closed
(`random_call.py`); here is what can be told from all it did.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, Phase, given, settings

from bot.engine import actions as do
from bot.engine.inputs import Purpose
from bot.engine.state import TRANSITIONS
from tests.engine.random_call import SAMPLES_PER_CHAR, RandomCall, calls, events, leaving

CALLS = 10_000


def test_ten_thousand_calls_keep_their_promises() -> None:
    seen: set[tuple[str, str]] = set()

    @settings(
        max_examples=CALLS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(call=calls, events=events, leaves_at=leaving)
    def promises(call: RandomCall, events: list, leaves_at: float | None) -> None:
        call.play(events, leaves_at)
        seen.update(transitions_of(call))
        assert_one_transcription_a_turn(call)
        assert_heard_is_a_prefix(call)
        assert_wishes_wait_for_the_words(call)
        assert len(call.all(do.HangUpCall)) <= 1

    promises()
    table = {(str(start), str(end)) for start, end in TRANSITIONS}
    assert seen == table, f"never seen: {table - seen}, not in the table: {seen - table}"


def transitions_of(call: RandomCall) -> set[tuple[str, str]]:
    """Every change of state, each beginning where the last one ended."""
    notes = call.all(do.NoteState)
    assert all(before.state == after.was for before, after in pairwise(notes))
    return {(each.was, each.state) for each in notes}


def assert_one_transcription_a_turn(call: RandomCall) -> None:
    """A finished turn has one: its own, or the one of the pause it ended with."""
    ended = [each.turn for each in call.all(do.NoteDecision) if each.what == "turn ended"]
    assert len(set(ended)) == len(ended), "a turn ended twice"
    turns = [each for each in call.all(do.Transcribe) if each.purpose is Purpose.TURN]
    assert len({each.utterance_id for each in turns}) == len(turns), "transcribed twice"
    assert {each.turn for each in turns} <= set(ended), "transcribed before its end"
    for turn in ended:
        asked = [each for each in call.understood if each[0].turn == turn]
        own = [each for each, _ in asked if each.purpose is Purpose.TURN]
        pauses = [(e, answered) for e, answered in asked if e.purpose is Purpose.PAUSE]
        assert len(own) <= 1
        if not own:
            assert pauses, f"turn {turn} ended without a transcription: {call.story()}"
        elif pauses and len(pauses[-1][0].samples) == len(own[0].samples):
            assert not pauses[-1][1], f"what was understood in turn {turn} was asked for again"
    told_of = [each.utterance_id for each in call.all(do.NoteCaller)]
    assert len(set(told_of)) == len(told_of), "the words of a turn were taken twice"
    assert {each.turn for each in call.all(do.NoteCaller)} <= set(ended)


def assert_heard_is_a_prefix(call: RandomCall) -> None:
    """At a word boundary, and no more of it than left on the wire."""
    for note in call.all(do.NoteBot):
        assert note.reply.split()[: len(note.heard.split())] == note.heard.split(), note
        assert call.played[note.turn] >= len(note.heard) * SAMPLES_PER_CHAR * 0.9, note


def assert_wishes_wait_for_the_words(call: RandomCall) -> None:
    """Nobody is put through, and no key pressed, in the middle of a reply or after a broken one."""
    last: do.NoteBot | None = None
    for action in call.actions:
        if isinstance(action, do.NoteBot):
            last = action
        elif isinstance(action, do.SendDigits | do.TransferCall):
            assert last is not None and not last.interrupted, f"{action} after {last}"
