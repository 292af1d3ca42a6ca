"""Conversation tests read like a score: who speaks when, what the world answers, what was heard.

The caller's voice is a synthetic vowel (a voiced source through formants) that the real speech
detector takes for speech; the providers answer after a set time on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import lru_cache

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Frame, Samples, silence
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.engine.state import State
from bot.persona import Metadata, Persona

Wish = tuple[told.Control, str, str] | tuple[told.Control]
BOT_PITCH_HZ = 187.0  # another voice than the caller's: the same would be its echo
LIMITS = [each.name for each in fields(EngineSettings) if each.name not in ("call_id", "persona")]


def persona(**changes: object) -> Persona:
    base = Persona(
        slug="test",
        name="Test",
        greeting="Hello there.",
        system_prompt="Be kind.",
        metadata=Metadata(source_template_id="helpful-assistant"),
    )
    return Persona.model_validate(base.model_dump() | changes)


@lru_cache(maxsize=512)
def voice(seconds: float, level: float = 0.25, pitch_hz: float = 120.0) -> Samples:
    """A vowel with a moving pitch and syllables: enough for webrtcvad to say speech."""
    time = np.arange(round(seconds * BUS_HZ)) / BUS_HZ
    drift = np.sin(2 * np.pi * (2.3 + pitch_hz / 100) * time) + np.sin(2 * np.pi * 0.7 * time)
    pitch = pitch_hz * (1 + 0.1 * drift)
    phase = 2 * np.pi * np.cumsum(pitch) / BUS_HZ
    sound = sum(np.sin(k * phase) / k * (1.5 if k in (5, 6, 10) else 1.0) for k in range(1, 25))
    syllables = 0.75 + 0.25 * np.sin(2 * np.pi * 4 * time)
    samples = (sound / 4 * syllables * level * 32767).astype(np.int16)
    samples.flags.writeable = False  # made once, heard by many
    return samples


@dataclass
class World:
    """Providers on the virtual clock: how long each takes, and what it answers."""

    stt_s: float = 0.2
    llm_s: float = 0.2
    tts_s: float = 0.1
    words: list[str] = field(default_factory=list)  # what utterances turn out to be, in order
    pause_words: list[str] = field(default_factory=list)  # what is understood at pauses before
    over_words: list[str] = field(default_factory=list)  # transcripts of barge-in checks
    replies: list[str] = field(default_factory=list)
    wishes: list[list[Wish]] = field(default_factory=list)  # that come with those replies
    transfer_s: float | None = None  # after which a transfer fails; None: nothing is heard of it
    speech_s_per_char: float = 0.05


class Call:
    """Drives one engine; keeps what came out."""

    def __init__(self, world: World | None = None, **changes: object) -> None:
        limits = {k: changes.pop(k) for k in LIMITS if k in changes}
        self.world = world or World()
        self.engine = CallEngine(EngineSettings("c1", persona(**changes), **limits))  # type: ignore[arg-type]
        self.ticks = 0
        self.actions: list[tuple[float, do.Action]] = []
        self.out: list[Frame] = []
        self.heard: list[bool] = []  # was the caller speaking, or pressing a key, in this frame?
        self._due: list[tuple[float, told.Input]] = []
        self._texts: dict[str, str] = {}  # of utterances that were transcribed

    @property
    def now(self) -> float:
        return self.ticks * FRAME_S

    def hear(self, samples: Samples) -> Call:
        """The caller's audio, tick by tick."""
        for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
            self.tick(samples[start : start + FRAME_SAMPLES])
        return self

    def speak(self, seconds: float) -> Call:
        return self.hear(voice(seconds))

    def wait(self, seconds: float) -> Call:
        for _ in range(round(seconds / FRAME_S)):
            self.tick(silence())
        return self

    def until(self, done: Callable[[], bool], within: float = 30.0) -> Call:
        limit = self.now + within
        while not done():
            assert self.now < limit, f"did not happen within {within} s: {self.story()}"
            self.tick(silence())
        return self

    def tell(self, *inputs: told.Input) -> Call:
        self._due += [(self.now, each) for each in inputs]
        return self

    def tick(self, frame: Frame) -> None:
        self.ticks += 1
        due = [each for at, each in self._due if at <= self.now]
        self._due = [(at, each) for at, each in self._due if at > self.now]
        out, actions = self.engine.step(frame, due, self.now)
        assert out.shape == (FRAME_SAMPLES,) and out.dtype == np.int16
        self.out.append(out)
        keyed = any(isinstance(each, told.DigitPressed) for each in due)
        self.heard.append(bool(frame.any()) or keyed)
        for action in actions:
            self.actions.append((self.now, action))
            self._due += self.answer(action)

    def answer(self, action: do.Action) -> Iterable[tuple[float, told.Input]]:
        """What the world says to an action, and when."""
        world, now = self.world, self.now
        match action:
            case do.Transcribe(turn, utterance_id, purpose):
                text = self._text_of(utterance_id, purpose)
                yield now + world.stt_s, told.Transcribed(turn, utterance_id, purpose, text)
            case do.AskModel(turn):
                text = world.replies.pop(0) if world.replies else "We open at nine."
                if text:
                    yield now + world.llm_s, told.ModelText(turn, text)
                for wish in world.wishes.pop(0) if world.wishes else []:
                    yield now + world.llm_s, told.ControlAsked(turn, *wish)
                yield now + world.llm_s, told.ModelDone(turn)
            case do.TransferCall(turn) if world.transfer_s is not None:
                yield now + world.transfer_s, told.TransferFailed(turn)
            case do.Speak(turn, clause, text):
                seconds = max(0.2, len(text) * world.speech_s_per_char)
                samples = voice(seconds, 0.2, BOT_PITCH_HZ)
                yield now + world.tts_s, told.SpeechAudio(turn, clause, samples)
                yield now + world.tts_s, told.SpeechDone(turn, clause)

    def _text_of(self, utterance_id: str, purpose: told.Purpose) -> str:
        """The same utterance reads the same, however often it is looked at."""
        world = self.world
        early = {
            told.Purpose.BARGE_IN: world.over_words,
            told.Purpose.PAUSE: world.pause_words,
            told.Purpose.TURN: [],
        }[purpose]
        if early:
            return early.pop(0)
        if purpose is told.Purpose.BARGE_IN:
            return "what time do you open"
        if utterance_id not in self._texts:
            said = world.words
            self._texts[utterance_id] = said.pop(0) if said else "what time do you open"
        return self._texts[utterance_id]

    def all(self, kind: type) -> list:
        return [action for _, action in self.actions if isinstance(action, kind)]

    def said(self) -> list[str]:
        """Every text the bot was asked to speak, in order."""
        return [each.text for each in self.all(do.Speak)]

    def states(self) -> list[State]:
        return [State(each.state) for each in self.all(do.NoteState)]

    def bot_notes(self) -> dict[int, do.NoteBot]:
        return {each.turn: each for each in self.all(do.NoteBot)}

    def hung_up(self) -> str | None:
        ends = self.all(do.HangUpCall)
        return ends[-1].reason if ends else None

    def listening(self) -> bool:
        return self.engine.state is State.WAIT_FOR_USER

    def speaking(self) -> bool:
        return self.engine.state is State.AI_SPEAKING

    def sound(self) -> np.ndarray:
        return np.concatenate(self.out)

    def story(self) -> str:
        return "\n".join(f"{at:7.2f} {action!r:.120}" for at, action in self.actions)
