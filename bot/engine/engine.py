"""The engine of one call: every decision about who speaks when. No clock, no I/O, no waiting.

`step` is called once per 20 ms frame, `handle` whenever a result arrives in between, so that a
transcript reaches the model without waiting for the next frame. `now` is media time: seconds of
frames since the answer. The rules themselves are in `floor.py`; here are time, hold and the
one place where results of older turns are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.audio.frame import Frame, silence
from bot.engine.actions import Action, HangUpCall
from bot.engine.conversation import Conversation
from bot.engine.floor import EngineSettings, Floor
from bot.engine.inputs import (
    CodecChanged,
    ControlAsked,
    DigitPressed,
    EndRequested,
    HoldChanged,
    Input,
    ModelDone,
    ModelFailed,
    ModelText,
    Purpose,
    SpeechAudio,
    SpeechDone,
    SpeechFailed,
    ToolUsed,
    Transcribed,
    TranscriptionFailed,
    TransferFailed,
)
from bot.engine.state import State

__all__ = ["CallEngine", "EngineSettings", "Glimpse"]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The conversation as it looks at one moment."""

    turn: int
    caller_sounds: bool  # the caller is heard, or was a moment ago
    bot_sounds: bool  # there was voice in the bot's last frame
    reply: str  # all the bot wrote in this turn so far
    heard: str  # the part of it that was heard


class CallEngine:
    """One per call."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._conversation = Conversation()
        self._floor = Floor(self._conversation, settings)
        self._on_hold = False
        self._frozen_s = 0.0  # time spent on hold so far
        self._started = False

    @property
    def state(self) -> State:
        return self._conversation.state

    @property
    def turn(self) -> int:
        return self._conversation.turn

    @property
    def over(self) -> bool:
        """The hang-up was ordered, or the line is gone."""
        return self._floor.over

    def step(self, frame: Frame, inputs: Sequence[Input], now: float) -> tuple[Frame, list[Action]]:
        """One tick: the caller's 20 ms in, the bot's 20 ms and what is to be done out."""
        self._set_time(now)
        if self.over:
            return silence(), self._conversation.drain()
        if not self._started:
            self._started = True
            self._floor.replies.greet()
        for each in inputs:
            self._take(each, now)
        if now >= self._settings.max_call_s:
            self._end("max length")
        out = silence()
        if not self._on_hold and not self.over:
            out = self._floor.tick(frame)
        return out, self._conversation.drain()

    def handle(self, inputs: Sequence[Input], now: float) -> list[Action]:
        """Results that arrived between two frames."""
        self._set_time(now)
        for each in inputs:
            self._take(each, now)
        return self._conversation.drain()

    @property
    def can_revise(self) -> bool:
        """Was the last frame silence, and is there voice for it by now?"""
        return not self._on_hold and not self.over and self._floor.can_revise

    def revise(self, now: float) -> tuple[Frame, list[Action]]:
        """A better frame for the tick at `now`, whose silence has not left yet.

        Saves a reply the wait for the next tick. Call it only when `can_revise` says so.
        """
        self._set_time(now)
        frame = self._floor.revise()
        return frame, self._conversation.drain()

    def glimpse(self) -> Glimpse:
        """What an onlooker may see at this moment; nothing changes by looking."""
        floor, conversation = self._floor, self._conversation
        speaker = floor.replies.speaker
        return Glimpse(
            turn=conversation.turn,
            caller_sounds=floor.caller_sounds and not self._on_hold,
            bot_sounds=speaker.audible and not self._on_hold,
            reply=speaker.reply,
            heard=speaker.heard,
        )

    def finish(self, now: float) -> list[Action]:
        """The line is gone: close the books. Only notes and cancellations follow."""
        self._set_time(now)
        self._floor.replies.line_gone()
        return self._conversation.drain()

    def _set_time(self, now: float) -> None:
        """On hold time stands still: no silence is counted, no deadline passes."""
        if not self._on_hold:
            self._conversation.now = now - self._frozen_s

    def _hold(self, on: bool, now: float) -> None:
        if on == self._on_hold:
            return
        self._on_hold = on
        if not on:
            held_s = now - self._frozen_s - self._conversation.now
            self._frozen_s = now - self._conversation.now
            self._floor.back_from_hold(held_s)

    def _end(self, reason: str) -> None:
        if self._on_hold:  # nobody would hear a goodbye
            self._floor.replies.line_gone()
            self._conversation.do(HangUpCall(reason))
        else:
            self._floor.close(reason)

    def _take(self, each: Input, now: float) -> None:
        if self.over or getattr(each, "turn", self.turn) != self.turn:
            return  # stale: the turn it was for is over
        floor, replies, listener = self._floor, self._floor.replies, self._floor.listener
        speaker = replies.speaker
        match each:
            case Transcribed(purpose=Purpose.TURN):
                listener.transcribed(each.utterance_id, each.text)
            case TranscriptionFailed(purpose=Purpose.TURN):
                listener.transcription_failed(each.utterance_id)
            case Transcribed(purpose=Purpose.PAUSE):
                listener.peeked(each.utterance_id, each.text)
            case TranscriptionFailed(purpose=Purpose.PAUSE):
                listener.peeked(each.utterance_id, None)
            case Transcribed():
                floor.interruption.words(each.utterance_id, each.text)
            case TranscriptionFailed():
                floor.interruption.words(each.utterance_id, "")
            case ModelText():
                speaker.model_text(each)
            case ModelDone():
                speaker.model_done(each)
                if speaker.wrote_nothing:
                    replies.wrote_nothing()
            case ModelFailed():
                replies.model_failed()
            case ControlAsked():
                replies.wishes.add(each)
            case TransferFailed():
                replies.transfer_failed()
            case ToolUsed():
                replies.dialog.tool_used(each.name, each.arguments, each.result)
            case SpeechAudio():
                speaker.speech_audio(each)
            case SpeechDone():
                speaker.speech_done(each)
            case SpeechFailed():
                if speaker.speech_failed(each):
                    replies.failed("voice failed")
            case DigitPressed():
                listener.digit(each.digit)
            case HoldChanged():
                self._hold(each.on, now)
            case CodecChanged():
                floor.codec_changed(each.codec_hz)
            case EndRequested():
                self._end(each.reason)
