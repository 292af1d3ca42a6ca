"""Ten thousand random calls: whatever the order of events, the engine keeps its promises.

The calls run on short patience (a turn ends after 0.4 s, dead air is 2 s), so that much happens
in little time, and with a detector that takes every loud frame for speech. The bot's voice is a
constant whose value is its turn number: a stale reply is seen in the samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, silence
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.engine.speaker import AHEAD_S
from bot.engine.state import TRANSITIONS
from tests.engine.score import persona

CALLS = 10_000
DEAD_AIR_S = 2.0
SLACK_S = 0.25  # a frame or two, a caller's breath, and phrases that take 40 ms to come
DEADLINE_S = 1.5  # after which the driver gives a provider up, as Performer does
LAST_WAIT_S = 3.0
LOUD = np.full(FRAME_SAMPLES, 6000, np.int16)
LOUD[::2] *= -1
VOICE_STEP = 40  # the bot's sample value is its turn number times this
WORDS = ["", "Hello there.", "I want to", "And then?", "No.", "Bye.", "my number is five five"]
OVER_WORDS = ["", "Mhm.", "Stop.", "What about Sunday", "I want something else"]
REPLIES = ["Yes.", "One, two. Three four five six seven.", "", "**", "Long " * 40]

PATIENCE = {
    "turn": {
        "silence_ms": 400, "min_silence_ms": 200, "dictation_ms": 600, "hold_s": 0.5,
        "filler_after_s": 0.6, "max_utterance_s": 5.0,
    },
    "idle": {"after_s": 2.0, "reprompts": ["Still there?"]},
}  # fmt: skip


class AllSpeech:
    """A detector that leaves the decision to the level gate."""

    gate_db = 9.0

    def is_speech(self, frame: Frame) -> bool:
        return True


@dataclass
class Weather:
    """What the world does, drawn in advance; each list is used round and round."""

    stt: list[tuple[float, str | None]]  # seconds and words, None: it fails
    over: list[tuple[float, str | None]]
    llm: list[tuple[float, str | None, bool]]  # seconds, reply, does it break off at its end?
    tts: list[tuple[float, bool]]  # seconds, does it break off half-way?
    twice: bool  # is every result told twice?
    used: dict[str, int] = field(default_factory=dict)

    def next(self, kind: str) -> tuple:
        drawn = getattr(self, kind)
        index = self.used.get(kind, 0)
        self.used[kind] = index + 1
        return drawn[index % len(drawn)]


class RandomCall:
    """Drives one engine through drawn events and checks what can be checked on the way."""

    def __init__(self, weather: Weather, end: str, behaviour: str) -> None:
        who = persona(
            turn={**PATIENCE["turn"], "end": end},
            idle=PATIENCE["idle"],
            barge_in={"behaviour": behaviour, "guard_ms": 100},
        )
        self.engine = CallEngine(
            EngineSettings(
                "c", who, dead_air_s=DEAD_AIR_S, max_call_s=40.0, vad=AllSpeech(), echo_guard=False
            )
        )
        self.weather = weather
        self.phrases = {who.greeting, *who.idle.reprompts, who.idle.goodbye} | {
            text for value in who.phrases.model_dump().values()
            for text in (value if isinstance(value, list) else [value])
        }  # fmt: skip
        self.ticks = 0
        self.actions: list[do.Action] = []
        self.due: list[tuple[float, told.Input]] = []
        self.on_hold = False
        self.quiet_s = 0.0
        self.ended = False
        self.fading = False

    def play(self, events: list[tuple[str, object]], hangs_up: bool) -> None:
        """The events in order; then the caller hangs up, or waits for what comes."""
        for kind, value in events:
            if kind == "speak":
                self.run(float(value), LOUD)
            elif kind == "wait":
                self.run(float(value), silence())
            else:
                self.due.append((0.0, value))
                self.run(FRAME_S, silence())
        if not hangs_up:
            self.due.append((0.0, told.HoldChanged(False)))
            self.run(LAST_WAIT_S, silence())
        self.hang_up()

    def run(self, seconds: float, frame: Frame) -> None:
        for _ in range(max(1, round(seconds / FRAME_S))):
            if not self.ended:
                self.tick(frame)

    def tick(self, frame: Frame) -> None:
        self.ticks += 1
        now = self.ticks * FRAME_S
        ready = [each for at, each in self.due if at <= now]
        if ready:
            self.due = [(at, each) for at, each in self.due if at > now]
        for each in ready:
            if isinstance(each, told.HoldChanged):
                self.on_hold = each.on
        out, actions = self.engine.step(frame, ready, now)
        self.heard(out)
        keyed = any(isinstance(each, told.DigitPressed) for each in ready)
        talks = frame is LOUD or keyed or self.on_hold
        self.quiet_s = 0.0 if out.any() or talks else self.quiet_s + FRAME_S
        for action in actions:
            self.actions.append(action)
            results = [(now + after, each) for after, each in self.answer(action)]
            self.due += results * (2 if self.weather.twice else 1)
        if any(isinstance(action, do.HangUpCall) for action in actions):
            self.hang_up()
        assert self.quiet_s <= DEAD_AIR_S + SLACK_S, f"dead air at {now:.2f}: {self.story()}"

    def heard(self, out: Frame) -> None:
        """Nothing but the present turn's voice, fading in or out at most."""
        loudest = int(out.max())
        fades = out[0] == 0 or out[-1] == 0
        expected = (self.engine.turn + 1) * VOICE_STEP
        assert loudest in (0, expected) or fades, f"{loudest} heard in turn {self.engine.turn}"

    def answer(self, action: do.Action) -> Iterator[tuple[float, told.Input]]:
        match action:
            case do.Transcribe(turn, utterance_id, purpose):
                kind = "over" if purpose is told.Purpose.BARGE_IN else "stt"
                after, text = self.weather.next(kind)
                if text is None or after > DEADLINE_S:
                    late = min(after, DEADLINE_S)
                    yield late, told.TranscriptionFailed(turn, utterance_id, purpose)
                else:
                    yield after, told.Transcribed(turn, utterance_id, purpose, text)
            case do.AskModel(turn):
                after, text, breaks = self.weather.next("llm")
                if text is None or after > DEADLINE_S:
                    yield min(after, DEADLINE_S), told.ModelFailed(turn)
                else:
                    yield after, told.ModelText(turn, text)
                    yield after, told.ModelFailed(turn) if breaks else told.ModelDone(turn)
            case do.Speak(turn, clause, text):
                sound = np.full(len(text) * 1200, (turn + 1) * VOICE_STEP, np.int16)
                if text in self.phrases:
                    yield 0.04, told.SpeechAudio(turn, clause, sound)
                    yield 0.04, told.SpeechDone(turn, clause)
                    return
                after, breaks = self.weather.next("tts")
                yield after, told.SpeechAudio(turn, clause, sound[: len(sound) // 2])
                yield (
                    after,
                    told.SpeechFailed(turn, clause)
                    if breaks
                    else told.SpeechAudio(turn, clause, sound[len(sound) // 2 :]),
                )
                if not breaks:
                    yield after, told.SpeechDone(turn, clause)

    def hang_up(self) -> None:
        """The line is gone; from here on only the books are closed."""
        if self.ended:
            return
        self.ended = True
        closing = self.engine.finish(self.ticks * FRAME_S)
        self.actions += closing
        now = (self.ticks + 1) * FRAME_S
        late = [each for _, each in self.due]
        closing += self.engine.handle(late, now)
        out, more = self.engine.step(LOUD, late, now)
        assert not out.any(), "voice after the hang-up"
        wanted = [
            a for a in closing + more if isinstance(a, do.Transcribe | do.AskModel | do.Speak)
        ]
        assert not wanted, f"work after the hang-up: {wanted}"

    def all(self, kind: type) -> list:
        return [action for action in self.actions if isinstance(action, kind)]

    def story(self) -> str:
        return "\n".join(f"{action!r:.140}" for action in self.actions[-40:])


seconds = st.sampled_from([0.02, 0.1, 0.3, 0.7, 1.4, 5.0])
failing = st.integers(0, 5).map(lambda n: n == 0)
weather = st.builds(
    Weather,
    stt=st.lists(st.tuples(seconds, st.sampled_from([*WORDS, None])), min_size=1, max_size=3),
    over=st.lists(st.tuples(seconds, st.sampled_from([*OVER_WORDS, None])), min_size=1, max_size=3),
    llm=st.lists(
        st.tuples(seconds, st.sampled_from([*REPLIES, None]), failing), min_size=1, max_size=3
    ),
    tts=st.lists(st.tuples(st.sampled_from([0.02, 0.3, 1.0]), failing), min_size=1, max_size=3),
    twice=st.booleans(),
)
spoken = st.tuples(st.just("speak"), st.sampled_from([0.06, 0.14, 0.3, 0.6, 1.2, 2.4]))
waited = st.tuples(st.just("wait"), st.sampled_from([0.06, 0.2, 0.5, 1.0, 2.0]))
told_of = st.sampled_from(
    [told.DigitPressed("5"), told.DigitPressed("#"), told.HoldChanged(True),
     told.HoldChanged(False), told.CodecChanged("G722", 16_000), told.EndRequested("shutdown")]
)  # fmt: skip
event = st.one_of(spoken, waited, spoken, waited, st.tuples(st.just("tell"), told_of))


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
    @given(
        weather=weather,
        events=st.lists(event, min_size=1, max_size=9),
        hangs_up=st.booleans(),
        end=st.sampled_from(["fixed", "adaptive"]),
        behaviour=st.sampled_from(["aggressive", "balanced", "conservative"]),
    )
    def calls(weather: Weather, events: list, hangs_up: bool, end: str, behaviour: str) -> None:
        call = RandomCall(weather, end, behaviour)
        call.play(events, hangs_up)
        seen.update(transitions_of(call))
        assert_one_transcription_a_turn(call)
        assert_heard_is_a_prefix(call)
        assert_nothing_grows(call)
        assert len(call.all(do.HangUpCall)) <= 1

    calls()
    table = {(str(start), str(end)) for start, end in TRANSITIONS}
    assert seen == table, f"never seen: {table - seen}, not in the table: {seen - table}"


def transitions_of(call: RandomCall) -> set[tuple[str, str]]:
    """Every change of state, each beginning where the last one ended."""
    notes = call.all(do.NoteState)
    assert all(before.state == after.was for before, after in pairwise(notes))
    return {(each.was, each.state) for each in notes}


def assert_one_transcription_a_turn(call: RandomCall) -> None:
    """A finished turn has one: its own, or the one of the pause it ended with."""
    asked = call.all(do.Transcribe)
    turns = [each.utterance_id for each in asked if each.purpose is told.Purpose.TURN]
    ended = [each for each in call.all(do.NoteDecision) if each.what == "turn ended"]
    assert len(set(turns)) == len(turns), "an utterance was transcribed twice"
    assert len(turns) <= len(ended)
    told_of = [(each.turn, each.utterance_id) for each in call.all(do.NoteCaller)]
    assert len(set(told_of)) == len(told_of), "the words of a turn were taken twice"
    assert {utterance for _, utterance in told_of} <= {each.utterance_id for each in asked}


def assert_heard_is_a_prefix(call: RandomCall) -> None:
    for note in call.all(do.NoteBot):
        assert note.reply.split()[: len(note.heard.split())] == note.heard.split(), note


def assert_nothing_grows(call: RandomCall) -> None:
    floor = call.engine._floor
    assert floor.replies.speaker._playout.ahead_s <= AHEAD_S + 15.0, "voice queued without bound"
    utterance = floor._ears.utterance
    assert utterance is None or len(utterance.frames) * FRAME_S <= 5.0 + DEADLINE_S + 3.0
    assert len(floor.replies.dialog.history) <= 40
