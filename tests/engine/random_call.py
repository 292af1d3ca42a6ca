"""A call of random events for the property tests: who does what when is drawn in advance.

The calls run on short patience (a turn ends after 0.4 s, dead air is 2 s), so that much happens
in little time, and with a detector that takes every loud frame for speech. The bot's voice is a
constant whose value is its turn number: a stale reply is seen in the samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, silence
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.engine.speaker import AHEAD_S, MAX_REPLY_CHARS
from tests.engine.score import persona

DEAD_AIR_S = 2.0
SLACK_S = 0.25  # a frame or two, a caller's breath, and phrases that take 40 ms to come
DEADLINE_S = 1.5  # after which the driver gives a provider up, as Performer does
LAST_WAIT_S = 3.0
CLAUSE_S = 15.0  # voice of the longest clause, which may be sent just before the bound is reached
UTTERANCE_S = 5.0
LOUD = np.full(FRAME_SAMPLES, 6000, np.int16)
LOUD[::2] *= -1
VOICE_STEP = 40  # the bot's sample value is its turn number times this
SAMPLES_PER_CHAR = 1200
LONG_REPLY = "This is a long reply, and it goes on. " * 60
WORDS = ["", "Hello there.", "I want to", "And then?", "No.", "Bye.", "my number is five five",
         "S C H", "five five five oh one two three four five six"]  # fmt: skip
OVER_WORDS = ["", "Mhm.", "Stop.", "What about Sunday", "I want something else"]
REPLIES = ["Yes.", "One, two. Three four five six seven.", "", "**", "Long " * 40, LONG_REPLY,
           "What is your phone number?", "Could you spell your last name?"]  # fmt: skip
FROM_THE_LINE = (told.DigitPressed, told.HoldChanged, told.CodecChanged, told.EndRequested)
CLOSING = (do.CancelWork, do.NoteBot)

PATIENCE = {
    "turn": {
        "silence_ms": 400, "min_silence_ms": 200, "dictation_ms": 600, "hold_s": 0.5,
        "filler_after_s": 0.6, "max_utterance_s": UTTERANCE_S,
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
    wish: list[tuple[told.Control | None, float]]  # behind a reply; a transfer's failure after s
    twice: bool  # is every result told twice?
    between: bool  # do results come between two frames, as a session has it?
    person: bool  # does somebody take the call when no provider answers?
    used: dict[str, int] = field(default_factory=dict)

    def next(self, kind: str) -> tuple:
        drawn = getattr(self, kind)
        index = self.used.get(kind, 0)
        self.used[kind] = index + 1
        return drawn[index % len(drawn)]


class RandomCall:
    """Drives one engine through drawn events and checks what can be checked on the way."""

    def __init__(self, weather: Weather, end: str, behaviour: str, flow: str) -> None:
        who = persona(
            turn={**PATIENCE["turn"], "end": end},
            idle=PATIENCE["idle"],
            barge_in={"behaviour": behaviour, "guard_ms": 100},
            flow=flow,
            tools={
                "use": ["hang_up", "transfer", "send_digits"],
                "targets": {"desk": "sip:desk@pbx.test"},
                "on_trouble": "desk" if weather.person else "",
            },
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
        self.understood: list[tuple[do.Transcribe, bool]] = []  # was there an answer?
        self.played: Counter[int] = Counter()  # samples of the bot's voice by turn
        self.on_hold = False
        self.quiet_s = 0.0
        self.ended = False

    @property
    def now(self) -> float:
        return self.ticks * FRAME_S

    def play(self, events: list[tuple[str, object]], leaves_at: float | None) -> None:
        """The events in order; the caller hangs up at any moment, or waits for what comes."""
        self.leaves_at = leaves_at
        for kind, value in events:
            if kind == "speak":
                self.run(float(value), LOUD)
            elif kind == "wait":
                self.run(float(value), silence())
            else:
                self.due.append((0.0, value))
                self.run(FRAME_S, silence())
        self.due.append((0.0, told.HoldChanged(False)))
        self.run(LAST_WAIT_S, silence())
        self.hang_up()

    def run(self, seconds: float, frame: Frame) -> None:
        for _ in range(max(1, round(seconds / FRAME_S))):
            if self.leaves_at is not None and self.now >= self.leaves_at:
                self.hang_up()
            if not self.ended:
                self.tick(frame)

    # ---- one tick

    def tick(self, frame: Frame) -> None:
        self.ticks += 1
        ready = [each for at, each in self.due if at <= self.now]
        if ready:
            self.due = [(at, each) for at, each in self.due if at > self.now]
        if self.weather.between and self.ticks > 1:
            for each in ready:
                if not isinstance(each, FROM_THE_LINE):
                    self.between_two_frames(each)
            ready = [each for each in ready if isinstance(each, FROM_THE_LINE)]
        for each in ready:
            if isinstance(each, told.HoldChanged):
                self.on_hold = each.on
        keyed = any(isinstance(each, told.DigitPressed) for each in ready)
        before = self.engine.turn
        out, actions = self.engine.step(frame, ready, self.now)
        self.heard(out, before)
        assert not (self.on_hold and out.any()), "voice while on hold"
        self.quiet_s = 0.0 if frame is LOUD or keyed or self.on_hold else self.quiet_s
        self.perform(actions)
        self.assert_nothing_grows()
        assert self.quiet_s <= DEAD_AIR_S + SLACK_S, f"dead air at {self.now:.2f}: {self.story()}"

    def between_two_frames(self, each: told.Input) -> None:
        """A result on its own; voice that came replaces the silence of the last frame."""
        if self.ended:
            return
        self.perform(self.engine.handle([each], self.now - FRAME_S / 2))
        if not self.ended and self.engine.can_revise:
            out, actions = self.engine.revise(self.now - FRAME_S)
            self.heard(out, self.engine.turn)
            self.perform(actions)

    def heard(self, out: Frame, turn_before: int) -> None:
        """Nothing but the present turn's voice, fading in or out at most."""
        loudest = int(out.max())
        fades = out[0] == 0 or out[-1] == 0
        expected = (self.engine.turn + 1) * VOICE_STEP
        assert loudest in (0, expected) or fades, f"{loudest} heard in turn {self.engine.turn}"
        self.played[turn_before] += int(np.count_nonzero(out))
        self.quiet_s = 0.0 if loudest else self.quiet_s + FRAME_S

    def perform(self, actions: list[do.Action]) -> None:
        for action in actions:
            self.actions.append(action)
            results = [(self.now + after, each) for after, each in self.answer(action)]
            self.due += results * (2 if self.weather.twice else 1)
        ends = [each for each in actions if isinstance(each, do.HangUpCall)]
        if ends:
            assert actions[-1] is ends[0], f"after the hang-up was ordered: {actions}"
            self.hang_up()

    def assert_nothing_grows(self) -> None:
        floor = self.engine._floor
        speaker, utterance = floor.replies.speaker, floor._ears.utterance
        assert speaker._playout.ahead_s <= AHEAD_S + CLAUSE_S, "voice queued without bound"
        waiting = sum(len(each.written) for each in speaker._waiting)
        assert waiting <= MAX_REPLY_CHARS, "text queued without bound"
        kept_s = len(utterance.frames) * FRAME_S if utterance is not None else 0.0
        assert kept_s <= UTTERANCE_S + 2 * DEADLINE_S + 3.0, "sound kept without bound"
        assert len(floor.replies.dialog.history) <= 40

    # ---- the world

    def answer(self, action: do.Action) -> Iterator[tuple[float, told.Input]]:
        match action:
            case do.Transcribe(turn, utterance_id, purpose):
                kind = "over" if purpose is told.Purpose.BARGE_IN else "stt"
                after, text = self.weather.next(kind)
                answered = text is not None and after <= DEADLINE_S
                self.understood.append((action, answered))
                if answered:
                    yield after, told.Transcribed(turn, utterance_id, purpose, text)
                else:
                    late = min(after, DEADLINE_S)
                    yield late, told.TranscriptionFailed(turn, utterance_id, purpose)
            case do.AskModel(turn):
                after, text, breaks = self.weather.next("llm")
                if text is None or after > DEADLINE_S:
                    yield min(after, DEADLINE_S), told.ModelFailed(turn)
                else:
                    yield after, told.ModelText(turn, text)
                    control, _ = self.weather.next("wish")
                    if control is not None:
                        yield after, told.ToolUsed(turn, "look_up", "{}", "found")
                        yield after, told.ControlAsked(turn, control, "5", "desk")
                    yield after, told.ModelFailed(turn) if breaks else told.ModelDone(turn)
            case do.TransferCall(turn):
                _, failed_after = self.weather.next("wish")
                yield failed_after, told.TransferFailed(turn)
            case do.Speak():
                yield from self.voice(action)

    def voice(self, action: do.Speak) -> Iterator[tuple[float, told.Input]]:
        turn, clause = action.turn, action.clause
        length = len(action.text) * SAMPLES_PER_CHAR
        sound = np.full(length, (turn + 1) * VOICE_STEP, np.int16)
        if action.text in self.phrases:
            yield 0.04, told.SpeechAudio(turn, clause, sound)
            yield 0.04, told.SpeechDone(turn, clause)
            return
        after, breaks = self.weather.next("tts")
        yield after, told.SpeechAudio(turn, clause, sound[: length // 2])
        if breaks:
            yield after, told.SpeechFailed(turn, clause)
        else:
            yield after, told.SpeechAudio(turn, clause, sound[length // 2 :])
            yield after, told.SpeechDone(turn, clause)

    def hang_up(self) -> None:
        """The line is gone; from here on only the books are closed."""
        if self.ended:
            return
        self.ended = True
        closing = self.engine.finish(self.now)
        self.actions += closing
        later = self.now + FRAME_S
        late = [each for _, each in self.due]
        closing += self.engine.handle(late, later)
        out, more = self.engine.step(LOUD, late, later)
        assert not out.any(), "voice after the hang-up"
        wrong = [each for each in closing + more if not isinstance(each, CLOSING)]
        assert not wrong, f"work after the hang-up: {wrong}"

    # ---- looking back

    def all(self, kind: type) -> list:
        return [action for action in self.actions if isinstance(action, kind)]

    def story(self) -> str:
        return "\n".join(f"{action!r:.140}" for action in self.actions[-40:])


seconds = st.sampled_from([0.02, 0.1, 0.3, 0.7, 1.4, 5.0])
failing = st.integers(0, 5).map(lambda n: n == 0)
weathers = st.builds(
    Weather,
    stt=st.lists(st.tuples(seconds, st.sampled_from([*WORDS, None])), min_size=1, max_size=3),
    over=st.lists(st.tuples(seconds, st.sampled_from([*OVER_WORDS, None])), min_size=1, max_size=3),
    llm=st.lists(
        st.tuples(seconds, st.sampled_from([*REPLIES, None]), failing), min_size=1, max_size=3
    ),
    tts=st.lists(st.tuples(st.sampled_from([0.02, 0.3, 1.0]), failing), min_size=1, max_size=3),
    wish=st.lists(
        st.tuples(st.sampled_from([None, None, None, *told.Control]), seconds),
        min_size=1,
        max_size=3,
    ),
    twice=st.booleans(),
    between=st.booleans(),
    person=st.booleans(),
)
spoken = st.tuples(  # now and then for longer than anything is kept
    st.just("speak"), st.sampled_from([*[0.06, 0.14, 0.3, 0.6, 1.2, 2.4] * 3, 13.0])
)
waited = st.tuples(st.just("wait"), st.sampled_from([0.06, 0.2, 0.5, 1.0, 2.0]))
told_of = st.sampled_from(
    [told.DigitPressed("5"), told.DigitPressed("#"), told.HoldChanged(True),
     told.HoldChanged(False), told.CodecChanged("G722", 16_000), told.EndRequested("shutdown")]
)  # fmt: skip
events = st.lists(
    st.one_of(spoken, waited, spoken, waited, st.tuples(st.just("tell"), told_of)),
    min_size=1,
    max_size=9,
)
calls = st.builds(
    RandomCall,
    weathers,
    st.sampled_from(["fixed", "adaptive"]),
    st.sampled_from(["aggressive", "balanced", "conservative"]),
    st.sampled_from(["assistant", "assistant", "interview"]),
)
leaving = st.one_of(st.none(), st.none(), st.integers(0, 700).map(lambda ticks: ticks * FRAME_S))
