"""Is it the caller, close to the telephone, or a voice behind them?

The voices of a room and a television are speech to every detector (FACTS: babble fools both), but
they are 15 dB and more below whoever holds the telephone. How loud the caller is, is known from
what was understood before and from the utterance that is under way.
"""

from __future__ import annotations

from bot.audio.frame import FRAME_S
from bot.audio.vad import Heard

BELOW_CALLER_DB = 11.0  # over the bot's voice: under the caller's mean level, further off is weaker
BEHIND_CALLER_DB = 13.0  # the same while the bot is silent: the end of a sentence is weaker, too
LEARN = 0.4  # of the newest utterance goes into that mean
GOES_ON_S = 0.2  # the longest consonant or stop in the middle of a word
GOES_ON_DB = 3.0  # over the floor while a word goes on
QUIET_LINE_DB = -58.0  # a floor below this has no room full of voices over it
PATIENT_S, LOWERED_DB = 4.0, 2.0  # after so long without a word, so much less is asked each second


class Foreground:
    """One per call."""

    def __init__(self) -> None:
        self._caller_db: float | None = None
        self._stood_out_at = -GOES_ON_S
        self._waited_s = 0.0  # for a word of the caller

    def caller_said(self, level_db: float) -> None:
        """The mean level of an utterance whose words were understood, dBFS."""
        known = self._caller_db
        self._caller_db = level_db if known is None else known + LEARN * (level_db - known)

    def over_bot(self, heard: Heard, over_noise_db: float, now: float) -> bool:
        """The bot speaks: does the caller stand out of noise and echo in this frame of speech?

        Consonants are weaker than vowels, so for a moment after such a frame less is asked.
        """
        least = heard.floor_db + over_noise_db
        if self._caller_db is not None:
            least = max(least, self._caller_db - BELOW_CALLER_DB)
        if heard.level_db >= least:
            self._stood_out_at = now
            return True
        return now - self._stood_out_at <= GOES_ON_S and heard.snr_db >= GOES_ON_DB

    def alone(self, heard: Heard, current_db: float | None) -> bool:
        """The bot is silent: is this frame of speech the caller's?

        `current_db`: mean level of the utterance so far, None when none is under way. A caller
        who has become much weaker is let in again, the longer nobody is heard the sooner.
        """
        loud_db = self._caller_db if current_db is None else current_db
        if loud_db is None or heard.floor_db < QUIET_LINE_DB:
            return True
        self._waited_s += FRAME_S
        lowered_db = max(0.0, self._waited_s - PATIENT_S) * LOWERED_DB
        if heard.level_db < loud_db - BEHIND_CALLER_DB - lowered_db:
            return False
        self._waited_s = 0.0
        return True
