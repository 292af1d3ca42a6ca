"""WAIT_FOR_USER and VALIDATING_UTTERANCE: when is the caller's turn over, and is it complete?"""

from __future__ import annotations

from bot.engine.actions import Mark, NoteCaller, Transcribe
from bot.engine.completeness import breaks_off
from bot.engine.conversation import Conversation
from bot.engine.ears import Ears
from bot.engine.endpoint import Endpoint, Look
from bot.engine.handoff import asks_by_keys, asks_in_words
from bot.engine.inputs import Purpose
from bot.engine.patience import Keys
from bot.engine.replies import Replies
from bot.engine.segmenter import Utterance
from bot.engine.state import State
from bot.engine.wording import is_goodbye
from bot.persona import Persona

GOES_ON_S = 0.4  # speech before the reply that is more than a cough: the caller goes on
MAX_REPEATS = 2  # requests to repeat in a row; then the words are taken as they stand
MIN_SNR_DB = 6.0  # mean of an utterance; below it a transcript is a guess (FACTS)
NOISE_FLATNESS = 0.45  # of 1: more hiss than voice; white noise has .58, speech at 10 dB .27


class Listener:
    """The caller's side: one transcription per finished turn, words held until complete."""

    def __init__(
        self,
        conversation: Conversation,
        persona: Persona,
        ears: Ears,
        replies: Replies,
        endpoint: Endpoint,
    ) -> None:
        self._conversation, self._ears, self._replies = conversation, ears, replies
        self._persona = persona
        self._endpoint = endpoint
        self._hold_s = persona.turn.hold_s
        self._keys = Keys()
        self._held_since = 0.0
        self._repeats = 0
        self._peek: tuple[str, float] | None = None  # under way: utterance id, speech covered
        self._turn_of = ""  # the utterance the present turn number was opened for

    # ---- WAIT_FOR_USER, once per tick

    def wait(self) -> None:
        now, dialog = self._conversation.now, self._replies.dialog
        utterance = self._ears.utterance
        if utterance is not None:
            self._watch(utterance)
        elif self._keys.complete(now):
            self._pressed(self._keys.take())
        elif self._keys.pressed:
            return
        elif dialog.held:
            if now - self._held_since >= self._hold_s or self._replies.fillers.too_quiet(now):
                self._answer("held long enough")
        elif not self._ears.sounding(now):
            self._prompt()

    def _pressed(self, keys: str) -> None:
        dialog = self._replies.dialog
        person = not dialog.held and asks_by_keys(keys, self._persona.tools.handoff)
        dialog.hold(keys)
        if person:
            self._replies.hand_off("a key asks for a person")
        else:
            self._answer("keys were pressed")

    def _prompt(self) -> None:
        """Nobody says anything: a reprompt, in the end a goodbye."""
        now = self._conversation.now
        prompt = self._replies.idle.due(now, self._replies.fillers.quiet_s(now))
        if prompt is None:
            return
        text, last = prompt
        if last:
            self._replies.close_with(text, "no input")
        else:
            self._replies.say(text, "reprompt")

    def _watch(self, utterance: Utterance) -> None:
        """Is the turn over, or is it worth to see what was said so far?"""
        self._endpoint.bot_said(self._replies.dialog.last_heard)
        self._endpoint.held(self._replies.dialog.held)
        look = self._endpoint.look(utterance, self._conversation.now, self._peek is not None)
        if look is Look.PEEK:
            self._peek = (utterance.utterance_id, utterance.speech_end)
            self._transcribe(utterance, Purpose.PAUSE)
        elif look is Look.END:
            self._turn_over(self._ears.take())

    def _transcribe(self, utterance: Utterance, purpose: Purpose) -> None:
        if self._turn_of != utterance.utterance_id:
            self._turn_of = utterance.utterance_id
            self._conversation.open_turn()
        self._conversation.do(
            Transcribe(
                self._conversation.turn,
                utterance.utterance_id,
                purpose,
                utterance.samples(),
                noise=self._ears.noise(),
                quality=utterance.metrics.quality(),
            )
        )

    def _turn_over(self, utterance: Utterance) -> None:
        """One transcription: the one of the last pause if it covers all, else a new one."""
        if not self._endpoint.worth_transcribing(utterance):
            return
        conversation = self._conversation
        if self._turn_of != utterance.utterance_id:
            self._turn_of = utterance.utterance_id
            conversation.open_turn()
        conversation.mark(Mark.SPEECH_END, utterance.speech_end)
        conversation.mark(Mark.TURN_END)
        conversation.enter(State.VALIDATING_UTTERANCE, "silence after speech")
        conversation.decided("turn ended", self._endpoint.why)
        conversation.pending = utterance
        self._replies.fillers.start(conversation.now)
        known = self._endpoint.transcript(utterance)
        if known is not None:
            self._understood(known)
        elif self._peek != (utterance.utterance_id, utterance.speech_end):
            self._transcribe(utterance, Purpose.TURN)

    # ---- results

    def transcribed(self, utterance_id: str, text: str) -> None:
        """The one transcription of the turn is there."""
        if self._pending_is(utterance_id):
            self._understood(text)

    def transcription_failed(self, utterance_id: str) -> None:
        if self._pending_is(utterance_id):
            self._conversation.pending = None
            self._replies.failed("transcription failed")

    def peeked(self, utterance_id: str, text: str | None) -> None:
        """What was said before a pause, None when that is not known. It may be the whole turn."""
        peek, self._peek = self._peek, None
        if peek is None or peek[0] != utterance_id:
            return
        if text is not None:
            self._endpoint.peeked(utterance_id, peek[1], text)
        pending = self._conversation.pending
        if pending is None or (pending.utterance_id, pending.speech_end) != peek:
            return
        if text is None:
            self._transcribe(pending, Purpose.TURN)
        else:
            self._understood(text)

    def _pending_is(self, utterance_id: str) -> bool:
        pending = self._conversation.pending
        return pending is not None and pending.utterance_id == utterance_id

    def _understood(self, text: str) -> None:
        """The words of the pending utterance: wait for more, ask again, or answer."""
        conversation, dialog = self._conversation, self._replies.dialog
        utterance, conversation.pending = conversation.pending, None
        assert utterance is not None, "words without an utterance"
        conversation.mark(Mark.STT_DONE)
        text = text.strip()
        if self._unusable(utterance, text):
            self._misheard(utterance)
            return
        if text:
            conversation.do(NoteCaller(conversation.turn, utterance.utterance_id, text))
            self._ears.understood(utterance)
        self._merge(utterance, text)
        self._held_since = conversation.now
        self._repeats = 0
        if self.goes_on() or self._keys.pressed:
            self._replies.listen_on("the caller goes on")
        elif asks_in_words(dialog.held, self._persona.tools.handoff):
            self._replies.hand_off("words ask for a person")
        elif breaks_off(text, self._persona.language) or self._endpoint.unfinished(dialog.held):
            self._replies.listen_on("the sentence is unfinished")
        elif is_goodbye(text, self._persona.language):
            dialog.caller_said(dialog.take_held())
            self._replies.close_with(self._persona.phrases.goodbye, "caller said goodbye")
        else:
            self._answer("complete")

    def _merge(self, utterance: Utterance, text: str) -> None:
        """Words and keys of one answer, in the order in which they came."""
        dialog, keys = self._replies.dialog, self._keys
        if keys.pressed and keys.since < utterance.started:
            dialog.hold(keys.take())
        dialog.hold(text)
        if keys.pressed and keys.complete(self._conversation.now):
            dialog.hold(keys.take())

    def _unusable(self, utterance: Utterance, text: str) -> bool:
        """Nothing understood, or so noisy that the words are a guess; asked about at most twice."""
        if self._replies.dialog.held or self._keys.pressed:
            return False
        if not text:
            return True
        heard = utterance.metrics
        noisy = heard.snr_db < MIN_SNR_DB or heard.flatness > NOISE_FLATNESS
        return noisy and self._repeats < MAX_REPEATS

    def _misheard(self, utterance: Utterance) -> None:
        """Ask again, at most twice in a row, and not after a cough."""
        cough = utterance.speech_s < GOES_ON_S
        if cough or self._repeats >= MAX_REPEATS or self.goes_on():
            self._replies.listen_on("no words")
            return
        self._repeats += 1
        self._replies.say(self._persona.phrases.repeat, "no words")

    def _answer(self, why: str) -> None:
        self._repeats = 0
        self._replies.answer(why)

    # ---- what else the caller does

    def goes_on(self) -> bool:
        """Is the caller saying more than a cough?"""
        utterance = self._ears.utterance
        return utterance is not None and utterance.speech_s >= GOES_ON_S

    def digit(self, digit: str) -> None:
        """A key: a part of the answer, beside the words. It takes the floor at once."""
        conversation = self._conversation
        self._keys.press(digit, conversation.now)
        self._replies.idle.restart(conversation.now)
        self._replies.fillers.sound(conversation.now)  # not left in silence while pressing keys
        if self._replies.closing is not None or self._replies.transferring:
            return
        if conversation.state is State.PROCESSING_USER:
            self._replies.take_back("a key was pressed")
        elif conversation.state is State.AI_SPEAKING:
            conversation.decided("barge-in committed", "a key was pressed")
            self._replies.interrupted("a key was pressed")
