"""Who has the floor: the rules of each state, applied once per tick and at each result."""

from __future__ import annotations

from dataclasses import dataclass

from bot.audio.frame import Frame
from bot.audio.vad import SpeechDetector
from bot.engine.actions import CancelWork, HangUpCall, Mark, NoteCaller, Transcribe
from bot.engine.barge_in import BargeIn, Move
from bot.engine.conversation import Conversation
from bot.engine.dialog import Dialog
from bot.engine.endpoint import FixedSilence
from bot.engine.idle import IdleWatch
from bot.engine.inputs import Purpose
from bot.engine.patience import Closing, Fillers, Keys
from bot.engine.segmenter import Segmenter, Utterance
from bot.engine.speaker import Speaker
from bot.engine.state import State
from bot.engine.wording import is_goodbye, is_unfinished
from bot.persona import Persona

GOES_ON_S = 0.4  # speech before the reply that is more than a cough: the caller goes on
COUGH_OVER_S = 0.5  # silence after which a shorter sound is forgotten
MAX_REPEATS = 2  # requests to repeat in a row
MAX_FAILURES = 2  # provider failures in a row; at the next the bot gives up, aloud


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What one call's engine has to know."""

    call_id: str
    persona: Persona
    dead_air_s: float = 5.0
    max_call_s: float = 1800.0
    inbound_delay_s: float = 0.0  # how old audio is when it reaches us, see FixedSilence


class Floor:
    """The listening side, and the rules that tie it to the speaking side."""

    def __init__(self, conversation: Conversation, settings: EngineSettings) -> None:
        persona = settings.persona
        self._conversation = conversation
        self._persona: Persona = persona
        self.speaker = Speaker(conversation, persona.language)
        self._detector = SpeechDetector()
        self._segmenter = Segmenter(settings.call_id)
        self._endpoint = FixedSilence(
            persona.turn.silence_ms / 1000,
            persona.turn.max_utterance_s,
            settings.inbound_delay_s,
        )
        self._barge_in = BargeIn(persona.barge_in.behaviour)
        self._idle = IdleWatch(
            min(persona.idle.after_s, settings.dead_air_s),
            persona.idle.reprompts,
            persona.idle.goodbye,
        )
        self._fillers = Fillers(persona.turn.filler_after_s, settings.dead_air_s)
        self._hold_s = persona.turn.hold_s
        self._dialog = Dialog()
        self._keys = Keys()
        self._pending: Utterance | None = None  # waits for its transcript
        self._held_since = 0.0
        self._repeats = self._failures = 0
        self._in_history = False  # does the current reply belong into the history?
        self._lead_next = False  # after this reply the bot goes on by itself
        self._closing: Closing | None = None  # the goodbye is being said
        self.over = False

    # ---- once per tick

    def greet(self) -> None:
        self._say(self._persona.greeting, "greeting", in_history=True)
        self._lead_next = self._persona.flow == "interview"

    def tick(self, frame: Frame) -> Frame:
        """Listen to the caller's frame, decide, and give out the bot's."""
        now = self._conversation.now
        heard = self._detector.hear(frame)
        self._segmenter.feed(frame, heard.speech, now)
        if heard.speech:
            self._fillers.sound(now)
        paused = None
        match self._conversation.state:
            case State.WAIT_FOR_USER:
                self._wait(now)
            case State.VALIDATING_UTTERANCE:
                self._keep_company(now)
            case State.PROCESSING_USER:
                self._process(now)
            case State.AI_SPEAKING:
                paused = self._speak(now)
        out = self.speaker.frame() if paused is None else paused
        if self.speaker.audible:
            self._fillers.sound(now)
        return out

    @property
    def can_revise(self) -> bool:
        preparing = self._conversation.state in (State.PROCESSING_USER, State.AI_SPEAKING)
        return preparing and not self.speaker.audible and self.speaker.ready

    def revise(self) -> Frame:
        """The reply's first frame, in place of the silence of this tick."""
        if self._conversation.state is State.PROCESSING_USER:
            self._begin_speaking("first audio of the reply")
        self._fillers.sound(self._conversation.now)
        return self.speaker.frame()

    def _wait(self, now: float) -> None:
        utterance = self._segmenter.current
        if utterance is not None:
            if self._endpoint.finished(utterance, now):
                self._turn_over(self._segmenter.take(), now)
        elif self._keys.complete(now):
            self._answer(self._keys.take(), "keys were pressed")
        elif self._dialog.held:
            if now - self._held_since >= self._hold_s or self._fillers.too_quiet(now):
                self._answer("", "held long enough")
        elif (prompt := self._idle.due(now)) is not None:
            text, last = prompt
            if last:
                self._close_with(text, "no input")
            else:
                self._say(text, "reprompt")

    def _turn_over(self, utterance: Utterance, now: float) -> None:
        if not self._endpoint.worth_transcribing(utterance):
            return
        conversation = self._conversation
        turn = conversation.open_turn()
        conversation.mark(Mark.SPEECH_END, utterance.speech_end)
        conversation.mark(Mark.TURN_END)
        conversation.enter(State.VALIDATING_UTTERANCE, "silence after speech")
        self._pending = utterance
        self._fillers.start(now)
        conversation.do(Transcribe(turn, utterance.utterance_id, Purpose.TURN, utterance.samples()))

    def _process(self, now: float) -> None:
        """The reply is being prepared: let the caller go on, or start to speak."""
        if self._goes_on():
            self._dialog.take_back()
            self._drop_reply()
            self._conversation.enter(State.WAIT_FOR_USER, "the caller goes on")
            return
        utterance = self._segmenter.current
        if utterance is not None and utterance.quiet_s(now) >= COUGH_OVER_S:
            self._segmenter.drop()
        if self.speaker.ready:
            self._begin_speaking("first audio of the reply")
        elif self.speaker.finished:
            self.reply_failed("nothing to say")
        else:
            self._keep_company(now)

    def _speak(self, now: float) -> Frame | None:
        """The bot's reply is heard: watch for barge-in, and for its end."""
        if self._closing is not None:
            if self.speaker.finished:
                self.speaker.note(interrupted=False)
            if self._closing.over(self.speaker.finished, self.speaker.audible, now):
                self._hang_up()
            return None
        if self.speaker.heard_since is not None:
            move = self._barge_in.consider(self._segmenter.current, self.speaker.heard_since, now)
            if move is Move.PAUSE:
                return self.speaker.pause()
            self._barge(move)
            if move is Move.COMMIT:
                return None
        if self._barge_in.pausing:
            return None
        utterance = self._segmenter.current
        if utterance is not None and utterance.quiet_s(now) >= COUGH_OVER_S:
            self._segmenter.drop()
        if self.speaker.finished:
            self._reply_over(now)
        else:
            self._keep_company(now)
        return None

    def _keep_company(self, now: float) -> None:
        """A filler when it takes long; a reply that takes too long has failed."""
        if self._fillers.exhausted(now):
            self.reply_failed("no reply in time")
        elif self._fillers.due(now):
            self.speaker.say_aside(self._persona.phrases.fillers[0])

    # ---- results

    def transcribed(self, utterance_id: str, text: str) -> None:
        """The one transcription of the turn is there."""
        if self._pending is None or self._pending.utterance_id != utterance_id:
            return  # a second answer for the same utterance
        self._conversation.mark(Mark.STT_DONE)
        utterance, self._pending = self._pending, None
        text = text.strip()
        if not text and not self._dialog.held:
            self._misheard(utterance)
            return
        self._conversation.do(NoteCaller(self._conversation.turn, utterance_id, text))
        self._dialog.hold(text)
        self._held_since = self._conversation.now
        if self._goes_on():
            self._conversation.enter(State.WAIT_FOR_USER, "the caller goes on")
        elif is_unfinished(text):
            self._conversation.enter(State.WAIT_FOR_USER, "the sentence is unfinished")
        elif is_goodbye(text):
            self._dialog.caller_said(self._dialog.take_held())
            self._close_with(self._persona.phrases.goodbye, "caller said goodbye")
        else:
            self._answer("", "complete")

    def transcription_failed(self, utterance_id: str) -> None:
        if self._pending is not None and self._pending.utterance_id == utterance_id:
            self._pending = None
            self.reply_failed("transcription failed")

    def barge_in_words(self, utterance_id: str, text: str) -> None:
        """The quick transcription of what was said over the bot; "" when it failed."""
        utterance = self._segmenter.current
        if utterance is not None and utterance.utterance_id == utterance_id:
            self._barge(self._barge_in.verdict(text, utterance, self._conversation.now))

    def reply_failed(self, why: str) -> None:
        """A provider gave up on this turn: ask to say it again, in the end say sorry."""
        if self._closing is not None:  # the goodbye itself cannot be spoken
            self._hang_up()
            return
        self._failures += 1
        if self._failures > MAX_FAILURES:
            self._close_with(self._persona.phrases.apology, why)
        else:
            self._say(self._persona.phrases.trouble, why)

    def digit(self, digit: str) -> None:
        now = self._conversation.now
        self._keys.press(digit, now)
        self._idle.restart(now)
        self._fillers.sound(now)  # a caller who presses keys is not left in silence

    # ---- moves

    def _answer(self, text: str, why: str) -> None:
        """The caller's words are complete: let the model reply to all that was held."""
        self._dialog.hold(text)
        self._dialog.caller_said(self._dialog.take_held())
        self._repeats = 0
        self._idle.caller_spoke()
        self._ask_model(why)

    def _ask_model(self, why: str) -> None:
        if self._conversation.state is State.WAIT_FOR_USER:
            self._conversation.open_turn()
            self._fillers.start(self._conversation.now)
        self._conversation.enter(State.PROCESSING_USER, why)
        self._in_history = True
        self.speaker.ask(self._dialog.history)

    def _say(self, text: str, why: str, *, in_history: bool = False) -> None:
        """Begin to speak known words, whatever was going on."""
        self._drop_reply()
        self._in_history = in_history
        self.speaker.say(text)
        self._fillers.sound(self._conversation.now)  # known words are rendered in advance
        self._begin_speaking(why)

    def _begin_speaking(self, why: str) -> None:
        self._barge_in.reset()
        self._fillers.start(self._conversation.now)
        self._conversation.enter(State.AI_SPEAKING, why)

    def _misheard(self, utterance: Utterance) -> None:
        """Sound without words: ask again, at most twice in a row, and not after a cough."""
        if utterance.speech_s < GOES_ON_S or self._repeats >= MAX_REPEATS or self._goes_on():
            self._conversation.enter(State.WAIT_FOR_USER, "no words")
            return
        self._repeats += 1
        self._say(self._persona.phrases.repeat, "no words")

    def _goes_on(self) -> bool:
        utterance = self._segmenter.current
        return utterance is not None and utterance.speech_s >= GOES_ON_S

    def _barge(self, move: Move) -> None:
        match move:
            case Move.CHECK:
                utterance = self._segmenter.current
                assert utterance is not None, "a check without an utterance"
                self._conversation.do(
                    Transcribe(
                        self._conversation.turn,
                        utterance.utterance_id,
                        Purpose.BARGE_IN,
                        utterance.samples(),
                    )
                )
            case Move.RESUME:
                self._segmenter.drop()
                self.speaker.resume()
            case Move.COMMIT:
                self._drop_reply()
                self._conversation.enter(State.WAIT_FOR_USER, "interrupted")
                self._idle.restart(self._conversation.now)

    def _drop_reply(self) -> None:
        """Whatever was being prepared or said is over; the history keeps what was heard."""
        conversation = self._conversation
        if conversation.state is State.VALIDATING_UTTERANCE and self._pending is None:
            return  # its transcript is there and nothing else was asked for: go on in this turn
        self._pending = None
        if conversation.state is not State.WAIT_FOR_USER:
            heard = self.speaker.note(interrupted=True)
            if self._in_history:
                self._dialog.bot_heard(heard)
            conversation.do(CancelWork(conversation.turn))
        self._in_history = self._lead_next = False
        self._barge_in.reset()
        self.speaker.stop()
        conversation.open_turn()

    def _reply_over(self, now: float) -> None:
        heard = self.speaker.note(interrupted=False)
        if self._in_history:
            self._dialog.bot_heard(heard)
            self._failures = 0
        self.speaker.stop()
        self._barge_in.reset()
        self._idle.restart(now)
        self._conversation.enter(State.WAIT_FOR_USER, "the reply ended")
        if self._lead_next:
            self._lead_next = False
            self._ask_model("the bot leads")

    # ---- the end

    def close(self, reason: str) -> None:
        """Say that we have to stop, and hang up."""
        self._close_with(self._persona.phrases.closing, reason)

    def line_gone(self) -> None:
        """The caller hung up, or nobody would hear a goodbye."""
        if not self.over:
            self._drop_reply()
            self.over = True

    def back_from_hold(self) -> None:
        """Half an utterance from before the hold is of no use."""
        if not self._barge_in.pausing:
            self._segmenter.drop()

    def _close_with(self, text: str, reason: str) -> None:
        if self._closing is None:
            self._say(text, reason)
            self._closing = Closing(reason, self._conversation.now)

    def _hang_up(self) -> None:
        assert self._closing is not None, "hang-up without a reason"
        self.over = True
        self._conversation.do(HangUpCall(self._closing.reason))
