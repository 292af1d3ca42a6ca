"""When is the caller's turn over? A small policy, fed an utterance and the time."""

from __future__ import annotations

from bot.engine.segmenter import Utterance

SHORTEST_SPEECH_S = 0.1  # less than this was a click, not a word
ROUNDING = 1e-6  # media time is a sum of 0.02s


class FixedSilence:
    """The turn ends after a set silence, and never at a shorter pause.

    `silence_s` is what the caller keeps on the wire; audio reaches us `inbound_delay_s` later,
    so that much of the silence has already passed when we start to count.
    """

    def __init__(self, silence_s: float, max_utterance_s: float, inbound_delay_s: float) -> None:
        self._wait_s = max(0.0, silence_s - inbound_delay_s)
        self._max_s = max_utterance_s

    def finished(self, utterance: Utterance, now: float) -> bool:
        if now - utterance.started >= self._max_s:
            return True  # the transcriber takes no more at once; the rest is joined to it
        return utterance.quiet_s(now) >= self._wait_s - ROUNDING

    @staticmethod
    def worth_transcribing(utterance: Utterance) -> bool:
        return utterance.speech_s >= SHORTEST_SPEECH_S - ROUNDING
