"""What the caller said in a span of audio, as far as a tape can tell."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bot.calls.replay.asked import Asked, Reply
from bot.calls.replay.sound import Sound
from bot.engine.actions import Transcribe
from bot.engine.inputs import Purpose, Transcribed, TranscriptionFailed

UNHEARD = "(words that were not transcribed)"
NEVER = "this audio was never transcribed"
SAME = 0.85  # so much of the sound in common: the same words
AFTER_S = 0.3  # when the tape holds no transcription at all


class Transcripts:
    """Finds the words of audio among the transcriptions the live engine asked for."""

    def __init__(self, asked: Sequence[Asked], sound: Sound) -> None:
        self._sound = sound
        self._done = [
            each for each in asked if isinstance(each.question, Transcribe) and each.finished
        ]

    def answer(self, question: Transcribe, ticks: int) -> Reply:
        """One of the same audio; else several that make it up, or a part of a longer one."""
        told = question.turn, question.utterance_id, question.purpose
        cover = self._sound.cover(question.samples, ticks)
        after_s = self._usual_s(question.purpose)
        best = self._same(cover, question.purpose)
        if best is None:
            text, guess = self._pieced_together(cover)
            return Reply(after_s, Transcribed(*told, text), guess)
        if _purpose(best) is question.purpose:
            after_s = best.replies[-1].after_s
        if isinstance(best.replies[-1].each, TranscriptionFailed):
            return Reply(after_s, TranscriptionFailed(*told))
        return Reply(after_s, Transcribed(*told, _text(best)))

    def _usual_s(self, purpose: Purpose) -> float:
        of_kind = [each for each in self._done if _purpose(each) is purpose] or self._done
        return median([each.replies[-1].after_s for each in of_kind] or [AFTER_S])

    def _same(self, cover: frozenset[int], purpose: Purpose) -> Asked | None:
        """The transcription of this very audio, one for the same purpose first."""
        found = [
            (_purpose(each) is purpose, overlap, -number, each)
            for number, each in enumerate(self._done)
            if (overlap := self._sound.overlap(each.cover, cover)) >= SAME
        ]
        return max(found)[-1] if found else None

    def _pieced_together(self, cover: frozenset[int]) -> tuple[str, str]:
        """The words of audio that was never transcribed as a whole; why they are a guess, if so."""
        share = self._sound.share
        parts = self._parts(cover)
        together = frozenset[int]().union(*(each.cover for each in parts))
        if share(together, cover) >= SAME:
            return " ".join(_text(each) for each in parts), ""
        around = [a for a in self._done if _text(a) and share(a.cover, cover) >= SAME]
        if around:
            narrowest = min(around, key=lambda each: self._sound.weight(each.cover))
            return self._words_in(cover, narrowest), "only longer audio was transcribed"
        return UNHEARD, NEVER

    def _parts(self, cover: frozenset[int]) -> list[Asked]:
        """Transcriptions inside this audio, the longest first choice, in their order."""
        share, weight = self._sound.share, self._sound.weight
        inside = [a for a in self._done if _text(a) and share(cover, a.cover) >= SAME]
        parts: list[Asked] = []
        for asked in sorted(inside, key=lambda each: weight(each.cover), reverse=True):
            if all(share(part.cover, asked.cover) <= 1 - SAME for part in parts):
                parts.append(asked)
        return sorted(parts, key=lambda each: min(each.cover))

    def _words_in(self, cover: frozenset[int], asked: Asked) -> str:
        """The words of a part of transcribed audio, by its share of the sound."""
        words = _text(asked).split()
        before = frozenset(tick for tick in asked.cover if tick < min(cover))
        until = frozenset(tick for tick in asked.cover if tick <= max(cover))
        begin, end = (
            round(self._sound.share(part, asked.cover) * len(words)) for part in (before, until)
        )
        return " ".join(words[begin : max(end, begin + 1)])


def _text(asked: Asked) -> str:
    each = asked.replies[-1].each
    return each.text if isinstance(each, Transcribed) else ""


def _purpose(asked: Asked) -> Purpose:
    assert isinstance(asked.question, Transcribe), "not a transcription"
    return asked.question.purpose
