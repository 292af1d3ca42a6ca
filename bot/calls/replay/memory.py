"""The world as a tape remembers it: it answers an engine that asks other things at other times.

Transcripts are found by the audio they were made of, replies by the words they answer, voices by
their text; each comes after the time it took. What the tape cannot know gets a stand-in that is
marked as a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np

from bot.audio.frame import BUS_HZ, Samples
from bot.calls.replay.asked import Asked, Question, Reply, in_turn, questions
from bot.calls.replay.sound import Sound
from bot.calls.replay.transcripts import NEVER, UNHEARD, Transcripts
from bot.calls.tape import Recorded
from bot.engine.actions import AskModel, Line, Speak, Transcribe, TransferCall
from bot.engine.inputs import ModelDone, ModelText, SpeechAudio, SpeechDone, Transcribed

UNASKED = "This reply is a guess, because nothing on the tape answers these words."
NEVER_ASKED = "the model was never asked this"
AFTER_S = 0.3  # a provider's time when the tape knows none of its kind
S_PER_CHAR = 1 / 14  # a voice's time when the tape knows no whole clause
HUM_HZ, HUM_PEAK = 150.0, 1000  # stands for a voice nobody recorded


class TapeMemory:
    """Answers questions from a tape."""

    def __init__(self, tape: Recorded) -> None:
        sound = Sound([entry.frame for entry in tape.entries if entry.frame is not None])
        self._asked = questions(tape.entries, sound)
        self._asks = [a for a in self._asked if isinstance(a.question, AskModel) and a.replies]
        self._voices = [a for a in self._asked if isinstance(a.question, Speak) and a.replies]
        self._transcripts = Transcripts(self._asked, sound)

    def answer(self, question: Question, ticks: int) -> list[Reply]:
        """What the world says to this question of an engine that has heard so many ticks."""
        match question:
            case Transcribe():
                return [self._transcripts.answer(question, ticks)]
            case AskModel():
                return self._model_reply(question)
            case Speak():
                return self._voice(question)
            case TransferCall():
                return self._transfer(question)

    def left_over(self, number: int) -> Iterator[tuple[float, Reply]]:
        """Answers that come after entry `number` to questions from before it, with their time."""
        for asked in self._asked:
            if asked.number < number and not asked.over_before(number):
                for index, reply in enumerate(self._completed(asked)):
                    if index >= len(asked.replies) or asked.came_in[index] > number:
                        yield asked.at + reply.after_s, reply

    def _model_reply(self, question: AskModel) -> list[Reply]:
        turn, words = question.turn, _last_words(question)
        same = [asked for asked in self._asks if _last_words(asked.question) == words]
        if not same:
            after_s = _usual_s(self._asks)
            return _stand_in(turn, after_s, NEVER_ASKED)
        best = max(same, key=lambda a: (not a.used, _history(a.question) == question.history))
        best.used = True
        return [replace(r, each=in_turn(r.each, turn)) for r in self._completed(best)]

    def _transfer(self, question: TransferCall) -> list[Reply]:
        """It fails as it did; of one that worked the tape tells nothing more."""
        same = [a for a in self._asked if isinstance(a.question, TransferCall) and a.replies]
        of_name = [a for a in same if a.question.name == question.name and not a.used]  # type: ignore[union-attr]
        if not of_name:
            return []
        of_name[0].used = True
        return [replace(r, each=in_turn(r.each, question.turn)) for r in of_name[0].replies]

    def _voice(self, question: Speak) -> list[Reply]:
        same = [asked for asked in self._voices if _text(asked) == question.text]
        if not same:
            return self._rest_of_voice(question, _usual_s(self._voices), 0)
        best = max(same, key=lambda asked: (asked.finished, not asked.used))
        best.used = True
        replies = self._completed(best)
        where = {"turn": question.turn, "clause": question.clause}
        return [replace(r, each=replace(r.each, **where)) for r in replies]  # type: ignore[arg-type]

    def _completed(self, asked: Asked) -> list[Reply]:
        """Its replies; when they were cut short, a stand-in for the end."""
        question, replies = asked.question, asked.replies
        if asked.finished:
            return replies
        after_s = replies[-1].after_s if replies else AFTER_S
        match question:
            case Transcribe(turn, utterance_id, purpose):
                return [Reply(after_s, Transcribed(turn, utterance_id, purpose, UNHEARD), NEVER)]
            case AskModel(turn):
                why = "the tape has only the beginning of this reply"
                if replies:
                    return [*replies, Reply(after_s, ModelDone(turn), why)]
                return _stand_in(turn, after_s, why)
            case Speak():
                return [*replies, *self._rest_of_voice(question, after_s, asked.samples)]
            case TransferCall():
                return replies

    def _rest_of_voice(self, question: Speak, after_s: float, samples: int) -> list[Reply]:
        """A hum for what is missing of a clause's audio."""
        whole = [asked for asked in self._voices if asked.finished and asked.samples]
        per_char = median(
            [asked.samples / len(_text(asked)) for asked in whole] or [S_PER_CHAR * BUS_HZ]
        )
        missing = max(0, round(len(question.text) * per_char) - samples)
        why = "the tape has only the beginning of this voice" if samples else "a voice never heard"
        turn, clause = question.turn, question.clause
        return [
            Reply(after_s, SpeechAudio(turn, clause, _hum(missing)), why),
            Reply(after_s, SpeechDone(turn, clause), why),
        ]


def _stand_in(turn: int, after_s: float, why: str) -> list[Reply]:
    return [
        Reply(after_s, ModelText(turn, UNASKED), why),
        Reply(after_s, ModelDone(turn), why),
    ]


def _usual_s(asked: list[Asked]) -> float:
    return median([each.replies[0].after_s for each in asked] or [AFTER_S])


def _history(question: Question) -> tuple[Line, ...]:
    assert isinstance(question, AskModel), "not a question to the model"
    return question.history


def _last_words(question: Question) -> list[str]:
    """Who spoke last, and what, without what hearing may change: case and punctuation."""
    history = _history(question)
    return [history[-1].role, *re.findall(r"\w+", history[-1].text.casefold())] if history else []


def _text(asked: Asked) -> str:
    assert isinstance(asked.question, Speak), "not a voice"
    return asked.question.text


def _hum(samples: int) -> Samples:
    at = np.arange(samples) / BUS_HZ
    return (HUM_PEAK * np.sin(2 * np.pi * HUM_HZ * at)).astype(np.int16)
