"""One call of the evaluation: the real engine, real speech, the real Whisper, a virtual clock.

The caller asks a question, the bot answers for some fifteen seconds, and into that answer one
clip is said. Everything is judged from the two audio directions and from the engine's notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import soxr

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Frame, Samples, silence
from bot.calls.hearing import voice_activity
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.engine.state import State
from bot.persona import Metadata, Persona
from tests.eval.corpus import Clip, at_level
from tests.eval.ear import words_of
from tests.eval.line import FRAME, Line, LineSettings
from tests.eval.noises import HZ
from tests.eval.phrases import GREETING, QUESTION, REPLIES
from tests.eval.voices import JOES, speech

# Virtual latencies. Measured on an idle machine: tiny.en 95 to 154 ms for what a check hears, and
# the way through the speech worker; the rest as the local providers take.
CHECK_S, TURN_STT_S, MODEL_S, VOICE_S = 0.15, 0.25, 0.2, 0.12
ASK_S, ASK_AGAIN_S = 3.5, 6.0  # after the greeting; again when the bot did not understand
INTO_REPLY_S = (0.8, 4.5)  # when the clip begins, seconds after the reply's first frame
AFTER_S = 3.0  # how long a call goes on after the clip
JUDGED_S = 1.5  # a stop this long after the clip's end still counts
BOT_DB = -22.0  # active level of the bot's voice: Piper's own
LONGEST_S = 30.0


@dataclass(frozen=True)
class Scene:
    """What happens in one call."""

    clip: Clip | None  # None: nobody speaks over the bot
    line: LineSettings
    behaviour: str = "balanced"
    seed: int = 0


@dataclass
class Outcome:
    """What came of it; seconds of media time."""

    onset_at: float | None = None  # the clip's first sample as loud as speech
    clip_end: float = 0.0
    replied_at: float = 0.0  # first frame of the reply
    silent_at: list[float] = field(default_factory=list)  # first silent frame of each pause
    resumed_at: list[float] = field(default_factory=list)  # first frame with voice after it
    stopped_at: float | None = None  # the reply was given up
    greeting_cut: bool = False  # the greeting was given up, though nobody had spoken yet
    decisions: list[tuple[float, str, str]] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)  # what the checks understood

    @property
    def stopped(self) -> bool:
        return self.stopped_at is not None and self.stopped_at <= self.clip_end + JUDGED_S

    @property
    def pause_ms(self) -> float | None:
        """From the clip's onset to the first silent frame after it; None without one."""
        if self.onset_at is None:
            return None
        after = [at for at in self.silent_at if at >= self.onset_at]
        return (after[0] - self.onset_at) * 1000 if after else None

    @property
    def gaps_ms(self) -> list[float]:
        """Length of each pause that ended in the bot's going on."""
        pairs = zip(self.silent_at, self.resumed_at, strict=False)
        return [(resumed - silent) * 1000 for silent, resumed in pairs]

    @property
    def stop_ms(self) -> float | None:
        if self.stopped_at is None or self.onset_at is None:
            return None
        return (self.stopped_at - self.onset_at) * 1000


def persona(behaviour: str) -> Persona:
    return Persona.model_validate(
        {
            "slug": "eval",
            "name": "Evaluation",
            "greeting": GREETING,
            "system_prompt": "Answer.",
            "metadata": Metadata(source_template_id="helpful-assistant"),
            "turn": {"silence_ms": 700, "filler_after_s": 5.0},
            "barge_in": {"behaviour": behaviour},
        }
    )


@lru_cache(maxsize=64)
def bot_voice(text: str) -> Samples:
    """A clause as the bot says it, at BUS_HZ."""
    pcm = at_level(speech(text, JOES[0], HZ * 2) / 32768, BOT_DB)
    breath = np.zeros(HZ * 2 * 12 // 100, np.int16)
    whole: Samples = soxr.resample(np.concatenate([pcm, breath]), HZ * 2, BUS_HZ)
    return whole


class Call:
    """Drives one engine through one scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.outcome = scene, Outcome()
        self._dice = np.random.default_rng([scene.seed, scene.clip.seed if scene.clip else 1])
        self.line = Line(scene.line, self._dice)
        self.engine = CallEngine(settings(scene))
        self._reply = REPLIES[int(self._dice.integers(len(REPLIES)))]
        self._due: list[tuple[float, told.Input]] = []
        self._voice = np.zeros(0)  # what the caller still has to say, at HZ
        self._ask_at = ASK_S
        self._clip_due: float | None = None
        self._turn = -1  # the turn of the reply
        self._written: list[Samples] = []  # its audio, clause by clause
        self._played = 0  # samples of it that left
        self._silent = False
        self._ticks = 0

    @property
    def now(self) -> float:
        return self._ticks * FRAME_S

    def run(self) -> Outcome:
        """Greeting, question, reply, the clip, and what follows."""
        while self.now < LONGEST_S and not self._finished():
            self._script()
            self._tick()
        return self.outcome

    def _finished(self) -> bool:
        if self.outcome.stopped_at is not None:
            return True
        if self.scene.clip is None or self.outcome.onset_at is None:
            return bool(self.outcome.replied_at) and self.engine.state is State.WAIT_FOR_USER
        return self.now > self.outcome.clip_end + AFTER_S and not self._silent

    def _script(self) -> None:
        """Put the caller's next words on the line when their time has come."""
        waits = self.engine.state is State.WAIT_FOR_USER and self._turn < 0
        if waits and self.now >= self._ask_at and not len(self._voice):
            self._ask_at = self.now + ASK_AGAIN_S
            level = self.scene.clip.level_db if self.scene.clip else BOT_DB
            self._voice = at_level(speech(QUESTION, JOES[0], HZ) / 32768, level) / 32768
        if self._clip_due is not None and self.now >= self._clip_due and self.scene.clip:
            shift = int(self._dice.integers(FRAME))
            clip = self.scene.clip
            self._voice = np.concatenate([np.zeros(shift), clip.samples / 32768])
            self.outcome.onset_at = self.now + (shift + clip.onset) / HZ
            self.outcome.clip_end = self.now + len(self._voice) / HZ
            self._clip_due = None

    def _tick(self) -> None:
        spoken, self._voice = self._voice[:FRAME], self._voice[FRAME:]
        frame = self.line.to_bot(np.pad(spoken, (0, FRAME - len(spoken))))
        self._ticks += 1
        due = [each for at, each in self._due if at <= self.now]
        self._due = [(at, each) for at, each in self._due if at > self.now]
        out, actions = self.engine.step(frame, due, self.now)
        self.line.from_bot(out)
        for action in actions:
            self._note(action)
            self._due += self._answer(action)
        self._watch(out)

    def _watch(self, out: Frame) -> None:
        """Follow the reply frame by frame; a frame that is not its next one is a pause."""
        outcome = self.outcome
        if self._turn < 0 or not self._written:
            return
        if not outcome.replied_at:
            if not out.any():
                return
            outcome.replied_at = self.now
            if self.scene.clip is not None:
                self._clip_due = self.now + float(self._dice.uniform(*INTO_REPLY_S))
        if self._silent:
            if out.any():
                self._silent = False
                outcome.resumed_at.append(self.now)
        elif not out.any() and self._expected().any():
            self._silent = True
            outcome.silent_at.append(self.now)
        if not self._silent and out.any():
            self._played += FRAME_SAMPLES

    def _expected(self) -> Frame:
        """What of the reply comes next if nobody interrupts."""
        at = self._played
        for each in self._written:
            if at < len(each):
                return each[at : at + FRAME_SAMPLES]
            at -= len(each)
        return silence()

    def _note(self, action: do.Action) -> None:
        match action:
            case do.NoteDecision(_, what, why, at):
                self.outcome.decisions.append((at, what, why))
            case do.NoteState(_, state, _, why, at):
                self.outcome.decisions.append((at, f"→ {state}", why))
            case do.NoteBot(turn, _, _, interrupted):
                if interrupted and turn == self._turn:
                    self.outcome.stopped_at = self.now
                elif interrupted and self._turn < 0:
                    self.outcome.greeting_cut = True
            case do.CancelWork(turn):
                self._due = [(at, each) for at, each in self._due if turn_of(each) > turn]

    def _answer(self, action: do.Action) -> Iterator[tuple[float, told.Input]]:
        """What the providers say, and when."""
        now = self.now
        match action:
            case do.Transcribe(turn, utterance_id, told.Purpose.BARGE_IN, samples, expect):
                text = words_of(samples, urgent=True, expect=expect)
                self.outcome.checks.append(text)
                yield (
                    now + CHECK_S,
                    told.Transcribed(turn, utterance_id, told.Purpose.BARGE_IN, text),
                )
            case do.Transcribe(turn, utterance_id, purpose):
                yield now + TURN_STT_S, told.Transcribed(turn, utterance_id, purpose, QUESTION)
            case do.AskModel(turn):
                self._turn, self._written, self._played = turn, [], 0
                yield now + MODEL_S, told.ModelText(turn, self._reply)
                yield now + MODEL_S, told.ModelDone(turn)
            case do.Speak(turn, clause, text):
                samples = bot_voice(text)
                if turn == self._turn:
                    self._written.append(samples)
                yield now + VOICE_S, told.SpeechAudio(turn, clause, samples)
                yield now + VOICE_S, told.SpeechDone(turn, clause)


def settings(scene: Scene) -> EngineSettings:
    codec = scene.line.codec
    vad = voice_activity("auto", codec)
    return EngineSettings("eval", persona(scene.behaviour), codec=codec, codec_hz=HZ, vad=vad)


def turn_of(each: told.Input) -> int:
    return int(getattr(each, "turn", 1 << 30))


def play(scene: Scene) -> Outcome:
    return Call(scene).run()
