"""Is the caller interrupting? Two stages, decided from facts with timestamps.

Stage 1: sustained speech over noise and echo pauses the bot, so that both can be heard.
Stage 2: quick transcriptions of what was said so far ("looks") decide. They commit: the caller has
the floor. Or the bot goes on: at once when the sound is over, and when it lasts but means nothing
after GRACE_S. In that case the voice is still in doubt: looks go on while the bot speaks, and words
that come clear later still take the floor. Armed only while the bot speaks, and not in a short
guard after it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.engine.segmenter import Utterance
from bot.engine.stop_words import StopWords
from bot.engine.wording import content_words, is_correction, is_denial, is_question
from bot.persona import BargeInSettings


@dataclass(frozen=True, slots=True)
class BargeInNumbers:
    """One behaviour. Seconds, unless the name says otherwise."""

    guard_s: float  # after the bot starts: its own first echo, the caller's trailing word
    pause_after_s: float  # speech that pauses the bot
    check_after_s: float  # from the onset on, after which the words so far may take the floor
    min_words: int  # so many words that are no back-channel take it
    over_noise_db: float  # how far a voice must stand out of noise and echo


BEHAVIOURS: dict[str, BargeInNumbers] = {
    "aggressive": BargeInNumbers(0.2, 0.1, 0.45, 1, 8.0),
    "balanced": BargeInNumbers(0.3, 0.12, 0.55, 2, 10.0),
    "conservative": BargeInNumbers(0.5, 0.16, 0.7, 3, 12.0),
}

FIRST_LOOK_S = 0.4  # after the onset: a stop word is in it (300 ms of speech and its breath)
LOOK_EVERY_S = 0.18  # a look takes about so long, the next one follows,
SOON_S = 1.0  # for so long; what is said later is looked at
LATER_EVERY_S = 0.5  # in these steps
SPEECH_OVER_S = 0.22  # silence after which a short interjection is taken as complete
NEW_SPEECH_S = 0.05  # speech since the last look that asks for another one
GRACE_S = 0.42  # silent for so long without a reason: the bot goes on
SURELY_SPEAKING_S = 2.0  # so much speech takes the floor whatever the words
HUM_S = 0.5  # in so little speech a transcriber finds words that were never said
VERDICT_WITHIN_S = 1.2  # a look that takes longer is not waited for
LATE_COMMIT_S = 1.0  # then so much speech takes the floor, less does not
DENSE = 0.5  # share of speech in the time since the onset: isolated clicks do not add up
DOUBT_S = 8.0  # a sound that has meant nothing for so long is forgotten


class Move(StrEnum):
    """What the engine shall do about the caller's voice over the bot's."""

    NOTHING = "nothing"
    PAUSE = "pause"
    CHECK = "check"
    COMMIT = "commit"
    RESUME = "resume"  # the bot goes on; `doubting` tells whether the voice is still looked at
    FORGET = "forget"  # the bot went on already, and the sound was nothing


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
        self.stop_words = StopWords(language, settings.stop_words)
        self.why = ""  # of the last decision, without the caller's words
        self.reset()

    def reset(self) -> None:
        self._paused_at: float | None = None
        self.doubting = False
        self._looking_since: float | None = None
        self._looks = 0
        self._looked_at = 0.0
        self._looked_speech_s = 0.0
        self._last_text: str | None = None  # of the last look that came back

    @property
    def pausing(self) -> bool:
        """Is the bot silent because of the caller's voice?"""
        return self._paused_at is not None

    @property
    def judging(self) -> bool:
        """Is a voice being looked at, whether the bot is silent or goes on meanwhile?"""
        return self.pausing or self.doubting

    @property
    def checking(self) -> bool:
        """Is a look under way?"""
        return self._looking_since is not None

    def consider(self, utterance: Utterance | None, bot_since: float, now: float) -> Move:
        """One look per tick. `bot_since`: when the bot was first heard in this reply."""
        if self.judging:
            assert utterance is not None, "judging without an utterance"
            return self._judge(utterance, now)
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

    def _judge(self, utterance: Utterance, now: float) -> Move:
        if utterance.speech_s >= SURELY_SPEAKING_S and self._last_text != "":
            return self._decide(Move.COMMIT, "too long to be anything else")
        if self._looking_since is not None:
            if now - self._looking_since > VERDICT_WITHIN_S:
                return self._without_words(utterance, now)
            return Move.NOTHING
        new_s = utterance.speech_s - self._looked_speech_s
        if new_s < NEW_SPEECH_S and self._last_text is not None:
            if self._over(utterance, now):
                return self._let_go(_nothing_in(self._last_text))
        elif self._over(utterance, now) or now >= self._next_look(utterance):
            self._looking_since = self._looked_at = now
            self._looked_speech_s = utterance.speech_s
            self._looks += 1
            return Move.CHECK
        if now - utterance.started >= DOUBT_S and self.doubting:
            return self._let_go(_nothing_in(self._last_text or ""))
        return Move.NOTHING

    def _next_look(self, utterance: Utterance) -> float:
        """When the words are looked at next."""
        if self._looks == 0:
            return utterance.started + FIRST_LOOK_S - 1e-6
        soon = self._looked_at - utterance.started < SOON_S
        return self._looked_at + (LOOK_EVERY_S if soon else LATER_EVERY_S) - 1e-6

    @staticmethod
    def _over(utterance: Utterance, now: float) -> bool:
        return utterance.quiet_s(now) >= SPEECH_OVER_S - 1e-6

    def _without_words(self, utterance: Utterance, now: float) -> Move:
        """The transcriber does not answer: go by how long the caller has been speaking."""
        self._looking_since = None
        if not self._over(utterance, now) and utterance.speech_s >= LATE_COMMIT_S:
            return self._decide(Move.COMMIT, "still speaking, words unknown")
        return self._let_go("words unknown")

    def verdict(self, text: str, utterance: Utterance, now: float) -> Move:
        """What the transcription of the words so far makes of it; "" when it failed."""
        if not self.checking:
            return Move.NOTHING
        self._looking_since = None
        self._last_text = text.strip()
        over = self._over(utterance, now)
        reason = self._reason_to_stop(text, utterance, over, now)
        if reason:
            return self._decide(Move.COMMIT, reason)
        if over and utterance.speech_s - self._looked_speech_s < NEW_SPEECH_S:
            return self._let_go(_nothing_in(text))
        waited = self._paused_at is not None and now - self._paused_at >= GRACE_S - 1e-6
        if waited and not content_words(text, self._language):
            return self._go_on(_nothing_in(text))
        self.why = ""
        return Move.NOTHING  # still speaking: look again a little later

    def _reason_to_stop(self, text: str, utterance: Utterance, over: bool, now: float) -> str:
        """Why these words take the floor; "" when they do not."""
        if self.stop_words.heard_in(text):
            return "stop word"
        if not over and now - utterance.started < self.numbers.check_after_s:
            return ""
        short = utterance.speech_end - utterance.started < HUM_S
        if short and not is_denial(text, self._language):
            return ""  # "Mm-hmm." is heard as "in a month."
        content = set(content_words(text, self._language))  # one word said often is one word
        if content and is_question(text):
            return "question"
        if content and is_correction(text, self._language):
            return "correction"
        if len(content) >= self.numbers.min_words:
            return f"{len(content)} words"
        return ""

    def _go_on(self, why: str) -> Move:
        """The bot goes on, the voice is still looked at."""
        self._paused_at, self.doubting = None, True
        self.why = why
        return Move.RESUME

    def _let_go(self, why: str) -> Move:
        """The sound was nothing: the bot goes on, if it has not yet."""
        return self._decide(Move.RESUME if self.pausing else Move.FORGET, why)

    def _decide(self, move: Move, why: str) -> Move:
        self.reset()
        self.why = why
        return move
