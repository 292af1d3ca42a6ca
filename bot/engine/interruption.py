"""AI_SPEAKING: the bot is heard. Watch for its end, and for the caller's voice over it."""

from __future__ import annotations

from bot.audio.frame import Frame
from bot.engine.actions import Transcribe
from bot.engine.barge_in import BargeIn, Move
from bot.engine.conversation import Conversation
from bot.engine.ears import Ears
from bot.engine.inputs import Purpose
from bot.engine.replies import Replies
from bot.engine.state import State
from bot.persona import Persona

COUGH_OVER_S = 0.5  # silence after which a sound that interrupted nothing is forgotten


class Interruption:
    """Carries out what the barge-in policy decides."""

    def __init__(
        self, conversation: Conversation, persona: Persona, ears: Ears, replies: Replies
    ) -> None:
        self._conversation, self._ears, self._replies = conversation, ears, replies
        self._policy = BargeIn(persona.barge_in, persona.language)
        self._paused_at = 0.0
        self._turn = -1  # of the reply the policy has been looking at

    @property
    def over_noise_db(self) -> float:
        """How far a voice must stand out of noise and echo to interrupt."""
        return self._policy.numbers.over_noise_db

    @property
    def pausing(self) -> bool:
        """Has the bot fallen silent because the caller may be interrupting?"""
        return self._policy.pausing and self._turn == self._conversation.turn

    @property
    def _judging(self) -> bool:
        conversation = self._conversation
        speaking = conversation.state is State.AI_SPEAKING and self._turn == conversation.turn
        return self._policy.judging and speaking

    def forget(self) -> None:
        """What the caller was saying is gone."""
        self._policy.reset()

    def tick(self) -> Frame | None:
        """One look; the frame to play instead of the reply's next one, if there is one."""
        conversation, replies, now = self._conversation, self._replies, self._conversation.now
        if replies.closing is not None:
            speaker = replies.speaker
            if replies.closing.over(speaker.finished, speaker.audible, now):
                replies.hang_up()
            return None
        if self._turn != conversation.turn:  # another reply
            self._turn = conversation.turn
            self._policy.reset()
        since = replies.speaker.heard_since
        if since is not None:
            move = self._policy.consider(self._ears.utterance, since, now)
            if move is Move.PAUSE:
                self._paused_at = now
                conversation.decided("barge-in paused", "the caller speaks")
                return replies.speaker.pause()
            self.carry_out(move)
            if self._policy.pausing or move in (Move.COMMIT, Move.RESUME):
                return None
        utterance = self._ears.utterance
        forgotten = utterance is not None and utterance.quiet_s(now) >= COUGH_OVER_S
        if forgotten and not self._policy.judging:
            self._ears.drop()
        if replies.speaker.finished:
            replies.ended()
        else:
            replies.keep_company()
        return None

    def words(self, utterance_id: str, text: str) -> None:
        """The quick transcription of what was said over the bot; "" when it failed."""
        utterance = self._ears.utterance
        if self._judging and utterance is not None and utterance.utterance_id == utterance_id:
            move = self._policy.verdict(text, utterance, self._conversation.now)
            self._conversation.decided("barge-in checked", self._policy.why or "undecided")
            self.carry_out(move)

    def carry_out(self, move: Move) -> None:
        conversation = self._conversation
        match move:
            case Move.CHECK:
                utterance = self._ears.utterance
                assert utterance is not None, "a check without an utterance"
                conversation.do(
                    Transcribe(
                        conversation.turn,
                        utterance.utterance_id,
                        Purpose.BARGE_IN,
                        utterance.samples(),
                        self._policy.stop_words.expected,
                    )
                )
            case Move.RESUME:
                conversation.decided("barge-in resumed", self._policy.why)
                if not self._policy.doubting:
                    self._ears.drop()
                self._replies.speaker.resume(conversation.now - self._paused_at)
            case Move.FORGET:
                self._ears.drop()
            case Move.COMMIT:
                conversation.decided("barge-in committed", self._policy.why)
                self._replies.interrupted("interrupted")
