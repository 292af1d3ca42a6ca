"""Who has the floor: the rules of each state, applied once per tick and at each result.

ears ─▶ listener (the caller's turn) ─▶ replies (the bot's turn) ◀─ interruption (both speak)
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.audio.frame import Frame
from bot.audio.vad import SpeechDetector, VoiceActivity
from bot.engine.conversation import Conversation
from bot.engine.ears import Ears
from bot.engine.endpoint import Endpoint
from bot.engine.interruption import COUGH_OVER_S, Interruption
from bot.engine.listener import Listener
from bot.engine.replies import Replies
from bot.engine.state import State
from bot.persona import Persona

ECHO_TAIL_S = 0.5  # after our last voice: its echo may still be on the way
LONG_HOLD_S = 3.0  # a caller who comes back from it is greeted, not met with silence


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What one call's engine has to know."""

    call_id: str
    persona: Persona
    dead_air_s: float = 5.0
    max_call_s: float = 1800.0
    inbound_delay_s: float = 0.0  # how old audio is when it reaches us, see Endpoint
    codec: str = ""  # as negotiated: "PCMU", "G722", …
    codec_hz: int = 8000  # sample rate of the codec's audio
    echo_guard: bool = True  # False where the far end cancels echo itself, as browsers do
    vad: VoiceActivity | None = None  # one call's own; None: webrtcvad


class Floor:
    """Ties the listening side and the speaking side together."""

    def __init__(self, conversation: Conversation, settings: EngineSettings) -> None:
        persona = settings.persona
        self._conversation = conversation
        self._persona = persona
        self._ears = Ears(settings.call_id, SpeechDetector(settings.vad), settings.echo_guard)
        self._endpoint = Endpoint(
            persona.turn,
            language=persona.language,
            codec_hz=settings.codec_hz,
            inbound_delay_s=settings.inbound_delay_s,
        )
        self.replies = Replies(conversation, persona, settings.dead_air_s)
        self.listener = Listener(conversation, persona, self._ears, self.replies, self._endpoint)
        self.interruption = Interruption(conversation, persona, self._ears, self.replies)
        self._voice_at = -ECHO_TAIL_S  # when the bot was last audible

    @property
    def over(self) -> bool:
        return self.replies.over

    @property
    def caller_sounds(self) -> bool:
        return self._ears.sounding(self._conversation.now)

    def tick(self, frame: Frame) -> Frame:
        """Listen to the caller's frame, decide, and give out the bot's."""
        now, speaker = self._conversation.now, self.replies.speaker
        near_voice = now - self._voice_at < ECHO_TAIL_S
        if self._ears.hear(frame, now, self.interruption.over_noise_db if near_voice else None):
            self.replies.fillers.sound(now)
        paused = None
        match self._conversation.state:
            case State.WAIT_FOR_USER:
                self.listener.wait()
            case State.VALIDATING_UTTERANCE:
                self.replies.keep_company()
            case State.PROCESSING_USER:
                self._process()
            case State.AI_SPEAKING:
                paused = self.interruption.tick()
        return self._out(speaker.frame() if paused is None else paused)

    def _out(self, frame: Frame) -> Frame:
        now = self._conversation.now
        if self.replies.speaker.audible:
            self.replies.fillers.sound(now)
            self._voice_at = now
        self._ears.said(frame)
        return frame

    def _process(self) -> None:
        """The reply is being prepared: let the caller go on, or start to speak."""
        replies, utterance = self.replies, self._ears.utterance
        if not replies.transferring and self.listener.goes_on():
            replies.take_back("the caller goes on")
            return
        if utterance is not None and utterance.quiet_s(self._conversation.now) >= COUGH_OVER_S:
            self._ears.drop()
        if replies.transferring:
            replies.wait_for_transfer()
        elif replies.speaker.ready:
            replies.begin("first audio of the reply")
        elif replies.speaker.finished:
            replies.failed("nothing to say")
        else:
            replies.keep_company()

    @property
    def can_revise(self) -> bool:
        preparing = self._conversation.state in (State.PROCESSING_USER, State.AI_SPEAKING)
        speaker = self.replies.speaker
        return preparing and not speaker.audible and speaker.ready

    def revise(self) -> Frame:
        """The reply's first frame, in place of the silence of this tick."""
        if self._conversation.state is State.PROCESSING_USER:
            self.replies.begin("first audio of the reply")
        return self._out(self.replies.speaker.frame())

    def codec_changed(self, codec_hz: int) -> None:
        self._endpoint.codec_hz = codec_hz

    def close(self, reason: str) -> None:
        """Say that we have to stop, and hang up."""
        self.replies.close_with(self._persona.phrases.closing, reason)

    def back_from_hold(self, held_s: float) -> None:
        """Half an utterance from before the hold is of no use; a caller who waited is greeted."""
        if self.interruption.pausing:
            return
        self.interruption.forget()
        self._ears.drop()
        if held_s >= LONG_HOLD_S and self._conversation.state is State.WAIT_FOR_USER:
            self.replies.say(self._persona.phrases.back, "back from hold")
