"""When is the caller's turn over? A small policy, fed an utterance, the time and what is known.

fixed     after `silence_ms`, never at a shorter pause.
adaptive  from `min_silence_ms` on, the sooner the more the words of the pause read as complete;
          never later than `silence_ms`.
Both wait for `dictation_ms` while a number, mail address, date or name is being dictated and is
not complete; adaptive gives the time for another group when it seems to be. The figures behind
the grades are in docs/turns.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.engine.completeness import Completeness, judge, wants_a_word
from bot.engine.dictation import Dictation
from bot.engine.segmenter import Utterance
from bot.engine.wording import words
from bot.persona import TurnSettings

SHORTEST_SPEECH_S = 0.1  # less than this was a click, not a word
ROUNDING = 1e-6  # media time is a sum of 0.02 s
LOOK_AHEAD_S = 0.3  # a transcription takes about so long
FIRST_LOOK_S = 0.24  # silence that is a pause and not the gap between two words
NARROW_HZ = 8000
NARROW_MARGIN_S = 0.05  # a transcript of 8 kHz is wrong a little more often
COMPLETE_S = 1.0  # on top of the least silence, by what the words read like: half of the people
UNSURE_S = 1.4  # who go on after a pause do so within a second, nearly all within two
LAST_WORDS = 3  # if these are the same, nothing was added
GROUP_S = 1.4  # dictated groups come at most 0.9 s apart; a miscounted digit must not cut one off


class Look(StrEnum):
    """What the policy wants at this moment."""

    LISTEN = "listen"
    PEEK = "peek"  # transcribe what was said so far
    END = "end"


@dataclass(frozen=True, slots=True)
class Peek:
    """What was understood in a pause."""

    utterance_id: str
    covers_until: float  # end of the speech that it covers
    text: str
    said_until: float  # end of the speech that brought its last words

    def after(self, earlier: Peek | None) -> Peek:
        """Sounds that brought no new words, such as voices in the room, did not break the pause."""
        if earlier is None or earlier.utterance_id != self.utterance_id:
            return self
        new, old = words(self.text), words(earlier.text)
        if not new or len(new) > len(old) or new[-LAST_WORDS:] != old[-LAST_WORDS:]:
            return self
        return Peek(self.utterance_id, self.covers_until, self.text, earlier.said_until)


class Endpoint:
    """One per call. `codec_hz` may be set anew when the line's codec changes.

    `inbound_delay_s` is how old audio is when it reaches us: that much of the caller's silence
    has already passed when we start to count.
    """

    def __init__(
        self, turn: TurnSettings, *, language: str, codec_hz: int, inbound_delay_s: float
    ) -> None:
        self._turn, self._language = turn, language
        self.codec_hz = codec_hz
        self._delay_s = inbound_delay_s
        self._dictation = Dictation(language)
        self._question = ""
        self._asked = False  # a word or two may be the whole answer
        self._held = ""
        self._peek: Peek | None = None
        self._known: tuple[str, str, int] | None = None  # what `_known_s` was found by
        self._known_s = 0.0
        self.why = ""  # of the last END, for the audit

    # ---- what it is told

    def bot_said(self, text: str) -> None:
        """What the caller answers to; it may ask for a number or a name."""
        if text != self._question:
            self._question, self._asked = text, wants_a_word(text)
            self._dictation.asked_by(text)

    def held(self, text: str) -> None:
        """Words of the same answer that were understood before, "" for none."""
        self._held = text

    def peeked(self, utterance_id: str, covers_until: float, text: str) -> None:
        """The words of all speech up to `covers_until`, as they read in a pause."""
        self._peek = Peek(utterance_id, covers_until, text, covers_until).after(self._peek)

    # ---- what it is asked

    @property
    def dictating(self) -> str:
        """What is being dictated: "number", "mail", "date", "name"; "" for nothing."""
        return self._dictation.kind

    def transcript(self, utterance: Utterance) -> str | None:
        """The words of the last pause, if no speech came after it."""
        peek, covered = self._peek, (utterance.utterance_id, utterance.speech_end)
        if peek is None or (peek.utterance_id, peek.covers_until) != covered:
            return None
        return peek.text

    def unfinished(self, text: str) -> bool:
        """Is a number or address being dictated of which a part is missing?"""
        return self._dictation.incomplete(text)

    @staticmethod
    def worth_transcribing(utterance: Utterance) -> bool:
        return utterance.speech_s >= SHORTEST_SPEECH_S - ROUNDING

    def look(self, utterance: Utterance, now: float, peeking: bool) -> Look:
        """Once per tick while the caller has the floor; `peeking`: a look is under way."""
        if now - utterance.started >= self._turn.max_utterance_s:
            self.why = "longest utterance"
            return Look.END  # the transcriber takes no more at once; the rest is joined to it
        quiet_s = utterance.quiet_s(now) + self._delay_s + ROUNDING
        text = self.transcript(utterance)
        wait_s = self._patience_s(text)
        if quiet_s + self._wordless_s(text) >= wait_s:
            self.why = f"{self.dictating or self._turn.end}: quiet for {round(wait_s * 1000)} ms"
            return Look.END
        if text is None and not peeking and self._curious(quiet_s):
            return Look.PEEK if self.worth_transcribing(utterance) else Look.LISTEN
        return Look.LISTEN

    # ---- patience

    def _wordless_s(self, text: str | None) -> float:
        """How long before this silence there was nothing but sounds without words.

        While something is dictated they may well be digits that were not understood.
        """
        if text is None or self._peek is None or self.dictating:
            return 0.0
        return self._peek.covers_until - self._peek.said_until

    def _curious(self, quiet_s: float) -> bool:
        """Is it time to look at the words of this pause?"""
        if self._turn.end == "adaptive":
            first_s = max(FIRST_LOOK_S, self._turn.min_silence_ms / 1000 - LOOK_AHEAD_S)
            return quiet_s >= first_s
        return bool(self._dictation.wanted) and quiet_s >= self._silence_s - 2 * LOOK_AHEAD_S

    @property
    def _silence_s(self) -> float:
        return self._turn.silence_ms / 1000

    @property
    def _dictation_s(self) -> float:
        return max(self._silence_s, self._turn.dictation_ms / 1000)

    def _patience_s(self, text: str | None) -> float:
        """The silence that ends the turn, as far as is known."""
        if text is None:  # nothing known: a number that was asked for may still be coming
            return self._dictation_s if self._dictation.wanted else self._silence_s
        known = (f"{self._held} {text}".strip(), self._question, self.codec_hz)
        if known != self._known:  # asked at every tick of a pause, and the answer stays the same
            self._known, self._known_s = known, self._words_s(known[0])
        return self._known_s

    def _words_s(self, said: str) -> float:
        """The same by the words of the answer so far."""
        self._dictation.heard(said)
        if self._dictation.incomplete(said):
            return self._dictation_s
        if self._turn.end == "fixed":
            return self._silence_s
        if self._dictation.complete(said):
            return min(GROUP_S, self._silence_s)
        least_s = GROUP_S if self.dictating else 0.0
        return min(max(self._graded_s(said), least_s), self._silence_s)

    def _graded_s(self, said: str) -> float:
        least_s = self._turn.min_silence_ms / 1000
        if self.codec_hz <= NARROW_HZ:
            least_s += NARROW_MARGIN_S
        match judge(said, self._language, asked=self._asked):
            case Completeness.CLOSED:
                return least_s
            case Completeness.COMPLETE:
                return least_s + COMPLETE_S
            case Completeness.UNSURE:
                return least_s + UNSURE_S
            case Completeness.BROKEN:
                return self._silence_s
