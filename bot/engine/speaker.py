"""The speaking side: model text → clauses → voice → frames, and fillers while it takes long."""

from __future__ import annotations

from bot.audio.frame import Frame
from bot.engine.actions import AskModel, Line, Mark, NoteBot, Speak
from bot.engine.conversation import Conversation
from bot.engine.inputs import ModelDone, ModelText, SpeechAudio, SpeechDone, SpeechFailed
from bot.engine.playout import Playout
from bot.engine.sentences import ClauseCutter


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
        """Begin a reply whose words are known."""
        self._speak(text)

    def say_aside(self, text: str) -> None:
        """A filler, ahead of whatever is not yet heard; no part of the reply."""
        self._speak(text, aside=True)

    def stop(self) -> None:
        """Nothing queued, nothing being written; results still to come are not for us.

        A voice that is cut off here fades out in the next frame.
        """
        self._parting: Frame | None = self._playout.pause() if self.audible else None
        self._playout = Playout()
        self._cutter = ClauseCutter(self._language)
        self._clauses = 0
        self.model_writing = False
        self.heard_since: float | None = None  # when the caller first heard this reply
        self.audible = False

    @property
    def finished(self) -> bool:
        """Everything written was spoken and played."""
        return not self.model_writing and self._playout.drained

    @property
    def wrote_nothing(self) -> bool:
        return not self._playout.reply()

    def model_text(self, each: ModelText) -> None:
        if self.model_writing:
            self._conversation.mark(Mark.LLM_FIRST)
            for clause in self._cutter.feed(each.text):
                self._speak(clause)

    def model_done(self, _: ModelDone) -> None:
        if self.model_writing:
            self.model_writing = False
            for clause in self._cutter.end():
                self._speak(clause)

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

    def resume(self) -> None:
        self._playout.resume()

    def note(self, *, interrupted: bool) -> str:
        """Put into the record what was written and heard; the heard part."""
        heard = self._playout.heard()
        reply = self._playout.reply()
        if reply:
            cut = interrupted and heard != reply
            self._conversation.do(NoteBot(self._conversation.turn, reply, heard, cut))
        return heard

    def _speak(self, text: str, *, aside: bool = False) -> None:
        self._playout.add(self._clauses, text, aside=aside)
        self._conversation.do(Speak(self._conversation.turn, self._clauses, text))
        self._clauses += 1
