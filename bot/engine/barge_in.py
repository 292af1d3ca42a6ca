"""Is the caller interrupting? Two stages, decided from facts with timestamps.

Stage 1: sustained speech over noise and echo pauses the bot, so that both can be heard.
Stage 2: quick transcriptions of what was said so far commit (the caller has the floor) or let the
bot go on. The first, after 0.3 s of speech, looks for stop words only; the next ones look at all
words. Armed only while the bot speaks, and not in a short guard after it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.engine.segmenter import Utterance
from bot.engine.stop_words import StopWords
from bot.engine.wording import content_words, is_correction, is_question
from bot.persona import BargeInSettings


@dataclass(frozen=True, slots=True)
class BargeInNumbers:
    """One behaviour. Seconds, unless the name says otherwise."""

    guard_s: float  # after the bot starts: its own first echo, the caller's trailing word
    pause_after_s: float  # speech that pauses the bot
    check_after_s: float  # speech after which the words so far may take the floor
    min_words: int  # so many words that are no back-channel take it
    over_noise_db: float  # how far a voice must stand out of noise and echo


BEHAVIOURS: dict[str, BargeInNumbers] = {
    "aggressive": BargeInNumbers(0.2, 0.14, 0.5, 1, 8.0),
    "balanced": BargeInNumbers(0.3, 0.16, 0.6, 2, 10.0),
    "conservative": BargeInNumbers(0.5, 0.2, 0.75, 3, 12.0),
}

STOP_LOOK_S = 0.3  # speech after which a stop word is looked for
CHECK_AGAIN_S = 0.5  # more speech before an undecided interruption is looked at again
SPEECH_OVER_S = 0.26  # silence after which a short interjection is taken as complete
NEW_SPEECH_S = 0.05  # speech since the last look that asks for another one
SURELY_SPEAKING_S = 2.0  # so much speech takes the floor whatever the words
HUM_S = 0.5  # in so little speech a transcriber finds words that were never said
VERDICT_WITHIN_S = 1.2  # a look that takes longer is not waited for
LATE_COMMIT_S = 1.0  # then so much speech takes the floor, less does not
DENSE = 0.5  # share of speech in the time since the onset: isolated clicks do not add up


class Move(StrEnum):
    """What the engine shall do about the caller's voice over the bot's."""

    NOTHING = "nothing"
    PAUSE = "pause"
    CHECK = "check"
    COMMIT = "commit"
    RESUME = "resume"


def numbers_of(settings: BargeInSettings) -> BargeInNumbers:
    """A behaviour's numbers, with those the persona sets itself in their place."""
    own = {
        "guard_s": _seconds(settings.guard_ms),
        "pause_after_s": _seconds(settings.pause_after_ms),
        "check_after_s": _seconds(settings.check_after_ms),
        "min_words": settings.min_words,
        "over_noise_db": settings.over_noise_db,
    }
    set_ = {name: value for name, value in own.items() if value is not None}
    return replace(BEHAVIOURS[settings.behaviour], **set_)  # type: ignore[arg-type]


def _nothing_in(text: str) -> str:
    return "back-channel" if text.strip() else "no words"


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


class BargeIn:
    """One instance a call; `reset` at each reply of the bot."""

    def __init__(self, settings: BargeInSettings, language: str = "en") -> None:
        self.numbers = numbers_of(settings)
        self._language = language
        self._stop_words = StopWords(language, settings.stop_words)
        self.why = ""  # of the last decision, without the caller's words
        self.reset()

    def reset(self) -> None:
        self._paused_at: float | None = None
        self._checking_since: float | None = None
        self._checks = 0
        self._checked_speech_s = 0.0
        self._last_text: str | None = None  # of the last look that came back

    @property
    def pausing(self) -> bool:
        return self._paused_at is not None

    @property
    def checking(self) -> bool:
        return self._checking_since is not None

    def consider(self, utterance: Utterance | None, bot_since: float, now: float) -> Move:
        """One look per tick. `bot_since`: when the bot was first heard in this reply."""
        if self._paused_at is not None:
            assert utterance is not None, "paused without an utterance"
            return self._while_paused(utterance, now)
        if utterance is None or now - bot_since < self.numbers.guard_s:
            return Move.NOTHING
        if not self._sustained(utterance, now):
            return Move.NOTHING
        self._paused_at = now
        return Move.PAUSE

    def _sustained(self, utterance: Utterance, now: float) -> bool:
        if utterance.speech_s < self.numbers.pause_after_s - 1e-6:
            return False
        if utterance.quiet_s(now) > SPEECH_OVER_S:
            return False  # it ended within the guard: nothing to pause for
        return utterance.speech_s >= DENSE * (now - utterance.started)

    def _while_paused(self, utterance: Utterance, now: float) -> Move:
        if utterance.speech_s >= SURELY_SPEAKING_S and self._last_text != "":
            return self._decide(Move.COMMIT, "too long to be anything else")
        if self._checking_since is not None:
            if now - self._checking_since > VERDICT_WITHIN_S:
                return self._without_words(utterance, now)
            return Move.NOTHING
        over, new_s = self._over(utterance, now), utterance.speech_s - self._checked_speech_s
        if over and self._last_text is not None and new_s < NEW_SPEECH_S:
            return self._decide(Move.RESUME, _nothing_in(self._last_text))
        if over or utterance.speech_s >= self._next_look_s:
            self._checking_since, self._checked_speech_s = now, utterance.speech_s
            self._checks += 1
            return Move.CHECK
        return Move.NOTHING

    @property
    def _next_look_s(self) -> float:
        """Speech at which the words are looked at next."""
        if self._checks == 0:
            return STOP_LOOK_S
        if self._checks == 1:
            return max(self.numbers.check_after_s, self._checked_speech_s + NEW_SPEECH_S)
        return self._checked_speech_s + CHECK_AGAIN_S

    @staticmethod
    def _over(utterance: Utterance, now: float) -> bool:
        return utterance.quiet_s(now) >= SPEECH_OVER_S - 1e-6

    def _without_words(self, utterance: Utterance, now: float) -> Move:
        """The transcriber does not answer: go by how long the caller has been speaking."""
        self._checking_since = None
        if not self._over(utterance, now) and utterance.speech_s >= LATE_COMMIT_S:
            return self._decide(Move.COMMIT, "still speaking, words unknown")
        return self._decide(Move.RESUME, "words unknown")

    def verdict(self, text: str, utterance: Utterance, now: float) -> Move:
        """What the transcription of the words so far makes of it; "" when it failed."""
        if not self.checking:
            return Move.NOTHING
        self._checking_since = None
        self._last_text = text.strip()
        over = self._over(utterance, now)
        reason = self._reason_to_stop(text, utterance, over)
        if reason:
            return self._decide(Move.COMMIT, reason)
        seen_all = over and utterance.speech_s - self._checked_speech_s < NEW_SPEECH_S
        seen_enough = self._checks > 1 and not content_words(text, self._language)
        if seen_all or seen_enough:
            return self._decide(Move.RESUME, _nothing_in(text))
        self.why = ""
        return Move.NOTHING  # still speaking: look again a little later

    def _reason_to_stop(self, text: str, utterance: Utterance, over: bool) -> str:
        """Why these words take the floor; "" when they do not."""
        if self._stop_words.heard_in(text):
            return "stop word"
        if self._checks == 1 and not over:
            return ""
        if utterance.speech_end - utterance.started < HUM_S:
            return ""  # "Mm-hmm." is heard as "in a month."
        content = content_words(text, self._language)
        if content and is_question(text):
            return "question"
        if content and is_correction(text, self._language):
            return "correction"
        if len(content) >= self.numbers.min_words:
            return f"{len(content)} words"
        return ""

    def _decide(self, move: Move, why: str) -> Move:
        self.reset()
        self.why = why
        return move
