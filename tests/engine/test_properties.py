"""Random calls: whatever the order of events, the engine keeps its promises."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.state import TRANSITIONS
from tests.engine.score import Call, World

DEAD_AIR_S = 5.0
SLACK_S = 0.3  # a frame or two, and the time our phrases take to be rendered in this world

event = st.one_of(
    st.tuples(st.just("speak"), st.floats(0.06, 3.0)),
    st.tuples(st.just("wait"), st.floats(0.1, 6.0)),
    st.tuples(st.just("digit"), st.sampled_from("0123456789*#")),
)
world = st.builds(
    World,
    stt_s=st.floats(0.02, 6.0),
    llm_s=st.floats(0.02, 12.0),
    tts_s=st.just(0.05),
    words=st.lists(
        st.sampled_from(["", "Hello there.", "I want to", "And then?", "No."]), max_size=6
    ),
    over_words=st.lists(st.sampled_from(["", "Mhm.", "Stop.", "What about Sunday"]), max_size=6),
    replies=st.lists(st.sampled_from(["Yes.", "One, two. Three four five six seven."]), max_size=6),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=world, events=st.lists(event, max_size=8))
def test_promises(world: World, events: list[tuple[str, object]]) -> None:
    call = Call(world, dead_air_s=DEAD_AIR_S)
    for kind, value in [*events, ("wait", 12.0)]:
        if kind == "speak":
            call.speak(float(value))  # type: ignore[arg-type]
        elif kind == "wait":
            call.wait(float(value))  # type: ignore[arg-type]
        else:
            call.tell(told.DigitPressed(str(value)))
    turns = [each for each in call.all(do.Transcribe) if each.purpose is told.Purpose.TURN]
    assert len({each.utterance_id for each in turns}) == len(turns), "one transcription per turn"
    for note in call.all(do.NoteState):
        assert (note.was, note.state) in {(a.value, b.value) for a, b in TRANSITIONS}
    for note in call.all(do.NoteBot):
        assert note.reply.startswith(note.heard)
    assert len(call.all(do.HangUpCall)) <= 1
    assert_no_dead_air(call)


def assert_no_dead_air(call: Call) -> None:
    """While it is the bot's go, it is heard at least every DEAD_AIR_S seconds."""
    ends = [at for at, action in call.actions if isinstance(action, do.HangUpCall)]
    until = ends[0] if ends else call.now
    heard_at = 0.0
    for index, frame in enumerate(call.out):
        at = (index + 1) * 0.02
        if at > until:
            break
        if frame.any() or call.heard[index]:
            heard_at = at
        assert at - heard_at <= DEAD_AIR_S + SLACK_S, f"dead air at {at:.2f}\n{call.story()}"
