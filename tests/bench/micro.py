"""Costs of single steps, in this process: the engine's tick and the live resamplers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, Frame, Samples
from bot.audio.resample import Downsampler, Upsampler
from bot.engine import actions, inputs
from bot.engine.engine import CallEngine, EngineSettings
from bot.persona import Persona
from tests.bench.numbers import median, percentile
from tests.bench.script import ANSWERS, PERSONA, QUESTIONS
from tests.support.phone import spoken

ROUNDS = 4  # conversations of the tick bench
REPEATS = 2000


def bus_speech(text: str) -> Samples:
    return spoken(text, BUS_HZ)


class Providers:
    """Answer each action of the engine at once, with real speech."""

    def __init__(self) -> None:
        self.asked = iter(QUESTIONS * ROUNDS)
        self.voice = {text: bus_speech(text) for text in [*ANSWERS.values(), "Hello."]}

    def answer(self, action: actions.Action) -> list[inputs.Input]:
        match action:
            case actions.Transcribe(turn, utterance_id, purpose):
                text = next(self.asked) if purpose is inputs.Purpose.TURN else ""
                return [inputs.Transcribed(turn, utterance_id, purpose, text)]
            case actions.AskModel(turn, history):
                reply = ANSWERS.get(history[-1].text, "Hello.")
                return [inputs.ModelText(turn, reply), inputs.ModelDone(turn)]
            case actions.Speak(turn, clause, text):
                sound = self.voice.get(text.strip(), self.voice["Hello."])
                return [
                    inputs.SpeechAudio(turn, clause, sound),
                    inputs.SpeechDone(turn, clause),
                ]
        return []


def caller() -> Iterator[Frame]:
    """Speaks each question, then is silent for as long as an answer takes."""
    noise = np.random.default_rng(7)
    for question in [""] + QUESTIONS * ROUNDS:
        sound = bus_speech(question) if question else np.zeros(0, np.int16)
        line = np.concatenate([sound, np.zeros(round(4.5 * BUS_HZ), np.int16)])
        line = line + noise.integers(-20, 21, len(line), dtype=np.int16)  # a telephone's hiss
        for at in range(0, len(line) - FRAME_SAMPLES, FRAME_SAMPLES):
            yield line[at : at + FRAME_SAMPLES]


def tick_us() -> dict[str, float]:
    """Time of one CallEngine.step over whole conversations, greeting to last answer."""
    engine = CallEngine(EngineSettings("bench", Persona.model_validate({**PERSONA, "slug": "b"})))
    providers, waiting, taken = Providers(), list[inputs.Input](), []
    turns_heard = 0
    for tick, frame in enumerate(caller()):
        begun = time.perf_counter_ns()
        _, todo = engine.step(frame, waiting, tick * FRAME_S)
        taken.append((time.perf_counter_ns() - begun) / 1000)
        waiting = [each for action in todo for each in providers.answer(action)]
        turns_heard += sum(isinstance(action, actions.AskModel) for action in todo)
    if turns_heard < len(QUESTIONS) * ROUNDS:
        raise RuntimeError(f"the engine took {turns_heard} turns only: not representative")
    return {"p50": percentile(taken, 50), "p99": percentile(taken, 99)}


def resample_us() -> dict[str, float]:
    """Median time of one 20 ms frame through the live resamplers, 16 ↔ 48 kHz."""
    up, down = Upsampler(16_000), Downsampler(16_000)
    narrow = spoken(QUESTIONS[0], 16_000)[:320]
    return {
        "up": timed(lambda: up.process(narrow)),
        "down": timed(lambda: down.process(bus_speech(QUESTIONS[0])[:FRAME_SAMPLES])),
    }


def timed(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter_ns()
        work()
        taken.append((time.perf_counter_ns() - begun) / 1000)
    return median(taken)
