"""From the caller's frames to utterances: detector, echo guard, segmenter, in this order."""

from __future__ import annotations

from bot.audio.frame import Frame, Samples, silence
from bot.audio.vad import Heard, SpeechDetector
from bot.engine.background import Background
from bot.engine.echo import EchoGuard
from bot.engine.foreground import Foreground
from bot.engine.segmenter import Segmenter, Utterance

LEVEL_KNOWN_S = 0.4  # of an utterance: its own level counts, not that of earlier ones
SOUNDING_S = 0.3  # after the last speech frame: a caller who may be in the middle of a word


class Ears:
    """What the caller says, cleaned of what we say ourselves."""

    def __init__(self, call_id: str, detector: SpeechDetector, echo_guard: bool) -> None:
        self._detector = detector
        self._echo = EchoGuard() if echo_guard else None
        self._foreground = Foreground()
        self._segmenter = Segmenter(call_id)
        self._background = Background()
        self._said = silence()  # our frame of this tick; may be replaced until the next one
        self._speech_at = -SOUNDING_S

    @property
    def utterance(self) -> Utterance | None:
        """What is being said, None between utterances."""
        return self._segmenter.current

    def noise(self) -> Samples:
        """The last of the line without a voice in it, at BUS_HZ; empty when none was heard yet."""
        return self._background.samples()

    def hear(self, frame: Frame, now: float, over_noise_db: float | None) -> bool:
        """Take in the caller's frame that ends at `now`; is it speech?

        `over_noise_db`: how far speech must stand out of noise and echo, None while the bot is
        silent and the detector's own gate is enough.
        """
        heard, echo = self._detector.hear(frame), None
        if self._echo is not None:
            self._echo.sent(self._said)
            heard = self._echo.hear(frame, heard)
            echo = self._echo.echo
        speech = heard.speech and self._is_caller(heard, now, over_noise_db)
        self._segmenter.feed(frame, speech, now, heard, echo)
        self._background.feed(frame, speech or echo is not None)
        if speech:
            self._speech_at = now
        return speech

    def _is_caller(self, heard: Heard, now: float, over_noise_db: float | None) -> bool:
        if over_noise_db is not None:
            return self._foreground.over_bot(heard, over_noise_db, now)
        utterance = self.utterance
        if utterance is None or utterance.speech_s < LEVEL_KNOWN_S:
            return self._foreground.alone(heard, None)
        return self._foreground.alone(heard, utterance.metrics.level_db)

    def understood(self, utterance: Utterance) -> None:
        """Its words made sense: so loud is the caller."""
        self._foreground.caller_said(utterance.metrics.level_db)

    def said(self, frame: Frame) -> None:
        """What we put out in this tick; the last word counts."""
        self._said = frame

    def sounding(self, now: float) -> bool:
        """Is the caller heard at this moment, even if it is no utterance yet?"""
        return now - self._speech_at < SOUNDING_S

    def take(self) -> Utterance:
        return self._segmenter.take()

    def drop(self) -> None:
        self._segmenter.drop()
