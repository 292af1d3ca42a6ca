"""One call of the end-of-turn evaluation: the bot greets, the caller has one turn.

The real engine on a virtual clock, real speech over a line, the real Whisper. The call ends when
the bot takes the floor after the caller's last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_S, Frame
from bot.calls.hearing import voice_activity
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.engine.state import State
from bot.persona import Persona, load_persona
from tests.eval.ear import words_of
from tests.eval.line import LineSettings
from tests.eval.pause_corpus import Said, at_rate, clip_of
from tests.eval.pause_line import line_of
from tests.eval.run import MODEL_S, VOICE_S, bot_voice, turn_of

PERSONA = Path(__file__).resolve().parents[2] / "personas" / "helpful-assistant.toml"
BEGINS_AFTER_S = (0.5, 1.2)  # after the greeting
GIVEN_UP_S = 12.0  # after the caller's last word: the bot never answered
REPLY = "Yes, of course."
# Virtual latency of a transcription by the length of what is heard. Measured on an idle machine
# 95, 154, 226 ms for 1.7, 3.8, 6.9 s; the way through the speech worker comes on top.
STT_BASE_S, STT_PER_S, STT_S = 0.11, 0.025, (0.15, 0.25)


@dataclass(frozen=True)
class PauseScene:
    """One caller's turn on one line, under one policy."""

    said: Said
    line: LineSettings
    end: str = "adaptive"  # "fixed"
    changed: tuple[tuple[str, int], ...] = ()  # keys of [turn] other than the persona's


@dataclass
class Heard:
    """What came of it; seconds of media time."""

    speech_end: float = 0.0  # of the caller's turn
    pauses: list[tuple[float, float]] = field(default_factory=list)
    ended: list[tuple[float, str]] = field(default_factory=list)  # each decision, and why
    answered_at: float | None = None  # the bot took the floor after the last word
    spoke_at: float | None = None  # first voice of the bot after the caller had begun
    looks: list[tuple[float, str]] = field(default_factory=list)  # transcripts, when they came

    @property
    def cut(self) -> bool:
        """Was the turn taken for over before the last word was said?"""
        return any(at < self.speech_end for at, _ in self.ended)

    @property
    def spoken_into(self) -> bool:
        """Did the caller hear the bot before they had finished?"""
        return self.spoke_at is not None and self.spoke_at < self.speech_end

    @property
    def wait_ms(self) -> float | None:
        return None if self.answered_at is None else (self.answered_at - self.speech_end) * 1000


@cache
def shipped() -> Persona:
    return load_persona(PERSONA)


def persona(scene: PauseScene) -> Persona:
    """The shipped one that answers the phone, with the scene's greeting and policy."""
    turn = shipped().turn.model_copy(update={"end": scene.end, **dict(scene.changed)})
    return shipped().model_copy(update={"greeting": scene.said.greeting, "turn": turn})


class PauseCall:
    """Drives one engine through one scene."""

    def __init__(self, scene: PauseScene) -> None:
        self.scene, self.heard = scene, Heard()
        self._dice = np.random.default_rng(scene.said.seed)  # the same on every line
        self._line, self._hz = line_of(scene.line, self._dice)
        codec = scene.line.codec
        self.engine = CallEngine(
            EngineSettings(
                "eval",
                persona(scene),
                codec=codec,
                codec_hz=self._hz,
                vad=voice_activity("auto", codec),
            )
        )
        self._due: list[tuple[float, told.Input]] = []
        self._voice = np.zeros(0)  # what the caller still has to say
        self._begins_at: float | None = None
        self._ticks = 0

    @property
    def now(self) -> float:
        return self._ticks * FRAME_S

    @property
    def begun(self) -> bool:
        return bool(self.heard.speech_end)

    def run(self) -> Heard:
        while not self._finished():
            self._script()
            self._tick()
        return self.heard

    def _finished(self) -> bool:
        if not self.begun or self.now < self.heard.speech_end:
            return False
        if self.scene.end == "fixed" and self.scene.said.gaps_s:
            return True  # only the pauses are asked about
        answered = self.heard.answered_at is not None
        return answered or self.now > self.heard.speech_end + GIVEN_UP_S

    def _script(self) -> None:
        """The caller begins some time after the greeting."""
        if self.begun or self.engine.state is not State.WAIT_FOR_USER or not self._ticks:
            return
        if self._begins_at is None:
            self._begins_at = self.now + float(self._dice.uniform(*BEGINS_AFTER_S))
        if self.now < self._begins_at:
            return
        clip, shift_s = clip_of(self.scene.said), float(self._dice.uniform(0, FRAME_S))
        samples = at_rate(clip.samples, self._hz)
        self._voice = np.concatenate([np.zeros(round(shift_s * self._hz)), samples])
        at = self.now + shift_s
        self.heard.speech_end = at + clip.speech_end
        self.heard.pauses = [(at + begin, at + end) for begin, end in clip.pauses]

    def _tick(self) -> None:
        size = self._hz // 50
        spoken, self._voice = self._voice[:size], self._voice[size:]
        frame = self._line.to_bot(np.pad(spoken, (0, size - len(spoken))))
        self._ticks += 1
        due = [each for at, each in self._due if at <= self.now]
        self._due = [(at, each) for at, each in self._due if at > self.now]
        out, actions = self.engine.step(frame, due, self.now)
        for action in actions:
            self._note(action)
            self._due += self._answer(action)
        self._watch(out)

    def _watch(self, out: Frame) -> None:
        if self.begun and self.heard.spoke_at is None and out.any():
            self.heard.spoke_at = self.now

    def _note(self, action: do.Action) -> None:
        heard = self.heard
        match action:
            case do.NoteDecision(_, "turn ended", why, at):
                heard.ended.append((at, why))
            case do.NoteState(_, state, _, _, at) if self.begun and at >= heard.speech_end:
                if state in (State.PROCESSING_USER, State.AI_SPEAKING):
                    heard.answered_at = heard.answered_at or at
            case do.CancelWork(turn):
                self._due = [(at, each) for at, each in self._due if turn_of(each) > turn]

    def _answer(self, action: do.Action) -> Iterator[tuple[float, told.Input]]:
        """What the providers say, and when."""
        now = self.now
        match action:
            case do.Transcribe(turn, utterance_id, purpose, samples):
                text = words_of(samples, urgent=purpose is told.Purpose.BARGE_IN)
                at = now + transcription_s(len(samples) / BUS_HZ)
                self.heard.looks.append((at, text))
                yield at, told.Transcribed(turn, utterance_id, purpose, text)
            case do.AskModel(turn):
                yield now + MODEL_S, told.ModelText(turn, REPLY)
                yield now + MODEL_S, told.ModelDone(turn)
            case do.Speak(turn, clause, text):
                yield now + VOICE_S, told.SpeechAudio(turn, clause, bot_voice(text))
                yield now + VOICE_S, told.SpeechDone(turn, clause)


def transcription_s(seconds: float) -> float:
    """How long the local Whisper takes for `seconds` of audio."""
    return float(np.clip(STT_BASE_S + STT_PER_S * seconds, *STT_S))


def play_pause(scene: PauseScene) -> Heard:
    return PauseCall(scene).run()
