"""The speaking side: model text → clauses → voice → frames, and fillers while it takes long."""

from __future__ import annotations

from collections import deque

from bot.audio.frame import Frame
from bot.engine.actions import AskModel, Line, Mark, NoteBot, Speak
from bot.engine.conversation import Conversation
from bot.engine.inputs import ModelDone, ModelText, SpeechAudio, SpeechDone, SpeechFailed
from bot.engine.playout import Playout
from bot.engine.sentences import Clause, ClauseCutter
from bot.engine.speakable import spoken

AHEAD_S = 20.0  # so much voice may wait to be heard; the rest of a long reply stays text
MAX_REPLY_CHARS = 6000  # about six minutes: a model that runs away is not listened to for longer


class Speaker:
    """One reply at a time; `ask` or `say` begins it, `stop` ends it early."""

    def __init__(self, conversation: Conversation, language: str) -> None:
        self._conversation = conversation
        self._language = language
        self._playout = Playout()
        self.audible = False  # was there voice in the last frame?
        self.stop()

    def ask(self, history: tuple[Line, ...]) -> None:
        """Begin a reply the model writes. A filler that is being spoken goes on."""
        self.model_writing = True
        self._conversation.do(AskModel(self._conversation.turn, history))

    def say(self, text: str) -> None:
        """Begin a reply whose words are known; or go on with them after what was written."""
        self._written += len(text)
        self._waiting.append(Clause(text, spoken(text, self._language)))
        self._send()

    def say_aside(self, text: str) -> None:
        """A filler, ahead of whatever is not yet heard; no part of the reply."""
        self._speak(Clause(text, spoken(text, self._language)), aside=True)

    def stop(self) -> None:
        """Nothing queued, nothing being written; results still to come are not for us.

        A voice that is cut off here fades out in the next frame.
        """
        self._parting: Frame | None = self._playout.pause() if self.audible else None
        self._playout = Playout()
        self._cutter = ClauseCutter(self._language)
        self._waiting: deque[Clause] = deque()  # not yet sent to the voice
        self._clauses = self._written = 0
        self.model_writing = False
        self.heard_since: float | None = None  # when the caller first heard this reply
        self.audible = False

    @property
    def finished(self) -> bool:
        """Everything written was spoken and played."""
        return not self.model_writing and not self._waiting and self._playout.drained

    @property
    def wrote_nothing(self) -> bool:
        return not self._written

    def model_text(self, each: ModelText) -> None:
        if self.model_writing:
            self._conversation.mark(Mark.LLM_FIRST)
            self._take(self._cutter.feed(each.text))

    def model_done(self, _: ModelDone) -> None:
        if self.model_writing:
            self.model_writing = False
            self._take(self._cutter.end())

    def break_off(self, words: str) -> None:
        """The model failed in mid-reply: say what is complete, then `words`."""
        self.model_writing = False
        self.say(words)

    def _take(self, clauses: list[Clause]) -> None:
        for clause in clauses:
            if self._written < MAX_REPLY_CHARS:
                self._written += len(clause.written)
                self._waiting.append(clause)
        self._send()

    def speech_audio(self, each: SpeechAudio) -> None:
        if self._playout.knows(each.clause):
            self._playout.feed(each.clause, each.samples)
            if not self._playout.is_aside(each.clause):
                self._conversation.mark(Mark.TTS_FIRST)

    def speech_done(self, each: SpeechDone) -> None:
        if self._playout.knows(each.clause):
            self._playout.finish(each.clause)

    def speech_failed(self, each: SpeechFailed) -> bool:
        """Was it a clause of this reply that failed? A filler does not matter."""
        if not self._playout.knows(each.clause):
            return False
        self._playout.fail(each.clause)
        return not self._playout.is_aside(each.clause)

    def frame(self) -> Frame:
        """The next 20 ms of the bot's voice, or silence."""
        self._send()
        if self._parting is not None:
            frame, self._parting, self.audible = self._parting, None, True
            return frame
        aside = self._playout.next_is_aside
        frame, self.audible = self._playout.frame()
        if self.audible and not aside and self.heard_since is None:
            self.heard_since = self._conversation.now
            self._conversation.mark(Mark.FIRST_AUDIO_OUT)
        return frame

    @property
    def ready(self) -> bool:
        """Will the next frame carry the reply's voice (fillers do not count)?"""
        return self._playout.ready and not self._playout.next_is_aside

    def pause(self) -> Frame:
        """Fall silent without a click; the frame to play now."""
        self.audible = True
        return self._playout.pause()

    def resume(self, gap_s: float) -> None:
        """Go on after so much silence; see Playout.resume."""
        self._playout.resume(gap_s)

    @property
    def heard(self) -> str:
        """The part of the reply the caller has heard so far."""
        return self._playout.heard()

    @property
    def reply(self) -> str:
        """All that was written of the reply so far."""
        return " ".join(filter(None, [self._playout.reply(), *(c.written for c in self._waiting)]))

    def note(self, *, interrupted: bool) -> str:
        """Put into the record what was written and heard; the heard part."""
        heard, reply = self.heard, self.reply
        if reply:
            cut = interrupted and heard != reply
            self._conversation.do(NoteBot(self._conversation.turn, reply, heard, cut))
        return heard

    def _send(self) -> None:
        """Let the voice work ahead, but not without bound: a reply may be long, memory is not."""
        while self._waiting and self._playout.ahead_s < AHEAD_S:
            self._speak(self._waiting.popleft())

    def _speak(self, clause: Clause, *, aside: bool = False) -> None:
        self._playout.add(self._clauses, clause.spoken, aside=aside, written=clause.written)
        self._conversation.do(Speak(self._conversation.turn, self._clauses, clause.spoken))
        self._clauses += 1
