"""Is the caller interrupting? Two stages, decided from facts with timestamps.

Stage 1: sustained speech pauses the bot, so that both can be heard.
Stage 2: a quick transcription of what was said so far commits (the caller has the floor) or lets
the bot go on. Armed only while the bot speaks, and not in a short guard after it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.engine.segmenter import Utterance
from bot.engine.wording import has_stop_phrase, is_back_channel, is_question, words


@dataclass(frozen=True, slots=True)
class BargeInNumbers:
    """One behaviour. Seconds, unless the name says otherwise."""

    guard_s: float  # after the bot starts: its own first echo, the caller's trailing word
    pause_after_s: float  # speech that pauses the bot
    check_after_s: float  # speech after which the words so far are looked at
    min_words: int  # so many words that are no back-channel take the floor


BEHAVIOURS: dict[str, BargeInNumbers] = {
    "aggressive": BargeInNumbers(0.2, 0.16, 0.5, 1),
    "balanced": BargeInNumbers(0.3, 0.2, 0.6, 2),
    "conservative": BargeInNumbers(0.5, 0.3, 0.9, 3),
}

SPEECH_OVER_S = 0.4  # silence after which a short interjection is taken as complete
CHECK_AGAIN_S = 0.8  # more speech before an undecided interruption is looked at again
SURELY_SPEAKING_S = 2.0  # so much speech takes the floor whatever the words
HUM_S = 0.5  # in so little speech a transcriber finds words that were never said
VERDICT_WITHIN_S = 2.5  # a check that is later than this is not waited for


class Move(StrEnum):
    """What the engine shall do about the caller's voice over the bot's."""

    NOTHING = "nothing"
    PAUSE = "pause"
    CHECK = "check"
    COMMIT = "commit"
    RESUME = "resume"


class BargeIn:
    """One instance a call; `reset` at each reply of the bot."""

    def __init__(self, behaviour: str) -> None:
        self._numbers = BEHAVIOURS[behaviour]
        self.reset()

    def reset(self) -> None:
        self._paused_at: float | None = None
        self._checking_since: float | None = None
        self._checked_speech_s = 0.0

    @property
    def pausing(self) -> bool:
        return self._paused_at is not None

    @property
    def checking(self) -> bool:
        return self._checking_since is not None

    def consider(self, utterance: Utterance | None, bot_since: float, now: float) -> Move:
        """One look per tick. `bot_since`: when the bot was first heard in this reply."""
        if self._paused_at is None:
            if utterance is None or now - bot_since < self._numbers.guard_s:
                return Move.NOTHING
            if utterance.speech_s < self._numbers.pause_after_s:
                return Move.NOTHING
            if utterance.quiet_s(now) > SPEECH_OVER_S:
                return Move.NOTHING  # it ended within the guard: nothing to pause for
            self._paused_at = now
            return Move.PAUSE
        assert utterance is not None, "paused without an utterance"
        return self._while_paused(utterance, now)

    def _while_paused(self, utterance: Utterance, now: float) -> Move:
        if utterance.speech_s >= SURELY_SPEAKING_S:
            return self._decide(Move.COMMIT)
        if self._checking_since is not None:
            if now - self._checking_since > VERDICT_WITHIN_S:
                return self._decide(Move.RESUME)
            return Move.NOTHING
        new_speech_s = utterance.speech_s - self._checked_speech_s
        over = utterance.quiet_s(now) >= SPEECH_OVER_S
        if over and self._checked_speech_s and new_speech_s < 0.1:
            return self._decide(Move.RESUME)  # looked at already, and nothing came after
        enough = CHECK_AGAIN_S if self._checked_speech_s else self._numbers.check_after_s
        if over or new_speech_s >= enough:
            self._checking_since, self._checked_speech_s = now, utterance.speech_s
            return Move.CHECK
        return Move.NOTHING

    def verdict(self, text: str, utterance: Utterance, now: float) -> Move:
        """What the transcription of the words so far makes of it; "" when it failed."""
        if not self.checking:
            return Move.NOTHING
        self._checking_since = None
        if has_stop_phrase(text) or is_question(text):
            return self._decide(Move.COMMIT)
        over = utterance.quiet_s(now) >= SPEECH_OVER_S
        hum = over and utterance.speech_s < HUM_S  # "Mm-hmm." is heard as "in a month."
        if not hum and not is_back_channel(text) and len(words(text)) >= self._numbers.min_words:
            return self._decide(Move.COMMIT)
        if over:
            return self._decide(Move.RESUME)
        return Move.NOTHING  # still speaking: look again a little later

    def _decide(self, move: Move) -> Move:
        self.reset()
        return move
