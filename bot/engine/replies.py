"""What the bot does with its voice: say, ask the model, keep company, take back, say goodbye."""

from __future__ import annotations

from bot.engine.actions import CancelWork, HangUpCall, SendDigits, TransferCall
from bot.engine.conversation import Conversation
from bot.engine.dialog import Dialog
from bot.engine.idle import IdleWatch
from bot.engine.inputs import Control, ControlAsked
from bot.engine.patience import Closing, Fillers
from bot.engine.speaker import Speaker
from bot.engine.state import State
from bot.engine.wishes import Handover, Wishes
from bot.persona import Persona

MAX_FAILURES = 2  # provider failures in a row; at the next the bot gives up, aloud


class Replies:
    """The bot's side of the conversation, and the one place that ends a reply."""

    def __init__(self, conversation: Conversation, persona: Persona, dead_air_s: float) -> None:
        self._conversation = conversation
        self._persona = persona
        self.speaker = Speaker(conversation, persona.language)
        self.dialog = Dialog()
        self.idle = IdleWatch(
            persona.idle.after_s, dead_air_s, persona.idle.reprompts, persona.idle.goodbye
        )
        self.fillers = Fillers(persona.turn.filler_after_s, dead_air_s)
        self._failures = 0
        self._in_history = False  # does the current reply belong into the history?
        self._broken = False  # did the model fail in the middle of it?
        self._lead_next = False  # after this reply the bot goes on by itself
        self.wishes = Wishes()
        self._handover: Handover | None = None
        self._handed_over = False  # nobody answered us any more: a person was asked to
        self._handing_over = False  # the words before that are being said
        self.closing: Closing | None = None  # the goodbye is being said
        self.over = False

    # ---- begin

    def greet(self) -> None:
        self.say(self._persona.greeting, "greeting", in_history=True)
        self._lead_next = self._persona.flow == "interview"

    def answer(self, why: str) -> None:
        """The caller's words are complete: let the model reply to all that was held."""
        self.dialog.caller_said(self.dialog.take_held())
        self.idle.caller_spoke()
        self._ask_model(why)

    def _ask_model(self, why: str) -> None:
        if self._conversation.state is State.WAIT_FOR_USER:
            self._conversation.open_turn()
            self.fillers.start(self._conversation.now)
        self._conversation.enter(State.PROCESSING_USER, why)
        self._in_history, self._broken = True, False
        self.speaker.ask(self.dialog.history)

    def say(self, text: str, why: str, *, in_history: bool = False) -> None:
        """Begin to speak known words, whatever was going on."""
        self.drop()
        self._in_history = in_history
        self.speaker.say(text)
        self.fillers.sound(self._conversation.now)  # known words are rendered in advance
        self.begin(why)

    def begin(self, why: str) -> None:
        """The reply starts to be heard."""
        self.fillers.start(self._conversation.now)
        self._conversation.enter(State.AI_SPEAKING, why)

    # ---- while it takes long, or goes wrong

    def keep_company(self) -> None:
        """A filler when it takes long; a reply that takes too long has failed."""
        now = self._conversation.now
        if self.fillers.exhausted(now):
            self.failed("no reply in time")
        elif number := self.fillers.due(now):
            self._say_filler(number)

    def _say_filler(self, number: int) -> None:
        texts = self._persona.phrases.fillers
        self.speaker.say_aside(texts[(number - 1) % len(texts)])

    def failed(self, why: str) -> None:
        """A provider gave up on this turn: ask to say it again, in the end say sorry."""
        if self.closing is not None:  # the goodbye itself cannot be spoken
            self.hang_up()
            return
        if self._handing_over:  # nor the words before the transfer: do without
            self.ended()
            return
        self._failures += 1
        if self._failures > MAX_FAILURES:
            self._give_up(why)
        else:
            self.say(self._persona.phrases.trouble, why)

    def model_failed(self) -> None:
        """Before a word was written, or in mid-reply: then what is complete is still said."""
        if self.speaker.wrote_nothing or self._failures >= MAX_FAILURES:
            self.failed("model failed")
        else:
            self._failures += 1
            self._broken = True
            self.wishes.clear()  # it broke off: who knows what else it would have said
            self.speaker.break_off(self._persona.phrases.trouble)

    def _give_up(self, why: str) -> None:
        """A person takes the call, where the persona names one; else the bot says sorry."""
        name = self._persona.tools.on_trouble
        if not name or self._handed_over:
            self.close_with(self._persona.phrases.apology, why)
            return
        self._handed_over = True
        self.say(self._persona.phrases.handover, why)
        target = self._persona.tools.targets[name]
        self.wishes.add(ControlAsked(self._conversation.turn, Control.TRANSFER, target, name))
        self._handing_over = True

    def wrote_nothing(self) -> None:
        """The model is done without a word: good enough only if it wants something to be done."""
        if words := self.wishes.words(self._persona.phrases):
            self.speaker.say(words)
        else:
            self.failed("empty reply")

    # ---- the caller is put through

    def hand_off(self, why: str) -> None:
        """The caller wants a person: no model is asked."""
        tools = self._persona.tools
        assert tools.handoff is not None, "nobody to hand off to"
        self.dialog.caller_said(self.dialog.take_held())
        self.idle.caller_spoke()
        self._conversation.decided("hand-off", why)
        self.say(self._persona.phrases.transfer, why, in_history=True)
        name = tools.handoff.to
        turn = self._conversation.turn
        self.wishes.add(ControlAsked(turn, Control.TRANSFER, tools.targets[name], name))

    @property
    def transferring(self) -> bool:
        return self._handover is not None

    def _transfer(self, wish: ControlAsked) -> None:
        now = self._conversation.now
        self._conversation.open_turn()
        attended = wish.name in self._persona.tools.attended
        self._handover = Handover(wish, now, attended=attended)
        self.fillers.start(now)
        self._conversation.enter(State.PROCESSING_USER, "the caller is put through")

    def wait_for_transfer(self) -> None:
        """Nobody is left in silence, nor for ever."""
        conversation, handover = self._conversation, self._handover
        assert handover is not None, "no transfer to wait for"
        if handover.begins(conversation.now):
            wish = handover.wish
            conversation.do(TransferCall(conversation.turn, wish.name, wish.value))
        elif handover.overdue(conversation.now):
            self.transfer_failed()
        elif number := self.fillers.due(conversation.now):
            self._say_filler(number)

    def transfer_failed(self) -> None:
        """The caller is taken back."""
        if not self.transferring:
            return
        phrases = self._persona.phrases
        if self._handed_over:
            self.close_with(phrases.apology, "transfer failed")
        else:
            self.say(phrases.no_transfer, "transfer failed", in_history=True)

    # ---- end

    def drop(self) -> None:
        """Whatever was being prepared or said is over; the history keeps what was heard."""
        conversation = self._conversation
        if conversation.state is State.VALIDATING_UTTERANCE and conversation.pending is None:
            return  # its transcript is there and nothing else was asked for: go on in this turn
        conversation.pending = None
        if conversation.state is not State.WAIT_FOR_USER:
            heard = self.speaker.note(interrupted=True)
            if self._in_history:
                self.dialog.bot_heard(heard)
            conversation.do(CancelWork(conversation.turn))
        self._in_history = self._lead_next = self._broken = self._handing_over = False
        self._handover = None
        self.wishes.clear()
        self.speaker.stop()
        conversation.open_turn()

    def take_back(self, why: str) -> None:
        """The caller goes on before the reply was heard: their words wait for the rest."""
        self.dialog.take_back()
        self.drop()
        self._conversation.enter(State.WAIT_FOR_USER, why)

    def interrupted(self, why: str) -> None:
        """The caller has the floor, in the middle of the reply."""
        self.drop()
        self._conversation.enter(State.WAIT_FOR_USER, why)
        self.idle.restart(self._conversation.now)

    def listen_on(self, why: str) -> None:
        """No answer yet: the caller keeps the floor, and a filler does not talk into it."""
        self.speaker.stop()
        self._conversation.enter(State.WAIT_FOR_USER, why)
        self.idle.restart(self._conversation.now)

    def ended(self) -> None:
        """The reply was heard to its end: what it came with is done."""
        if self.wishes.get(Control.HANG_UP):
            self.closing = Closing("the bot hung up", self._conversation.now)
            return
        heard = self.speaker.note(interrupted=False)
        if self._in_history:
            self.dialog.bot_heard(heard)
            if not self._broken:
                self._failures = 0
                self._handed_over = False
        self.speaker.stop()
        self.idle.restart(self._conversation.now)
        self._conversation.enter(State.WAIT_FOR_USER, "the reply ended")
        digits, transfer = self.wishes.get(Control.SEND_DIGITS), self.wishes.get(Control.TRANSFER)
        self.wishes.clear()
        self._handing_over = False
        if digits:
            self._conversation.do(SendDigits(self._conversation.turn, digits.value))
            self.dialog.tool_used(digits.control, f'{{"digits":"{digits.value}"}}', "sent")
        if transfer:
            self._transfer(transfer)
        elif self._lead_next:
            self._lead_next = False
            self._ask_model("the bot leads")

    def close_with(self, text: str, reason: str) -> None:
        """Say these last words, then hang up."""
        if self.closing is None:
            self.say(text, reason)
            self.closing = Closing(reason, self._conversation.now)

    def hang_up(self) -> None:
        assert self.closing is not None, "hang-up without a reason"
        self.speaker.note(interrupted=not self.speaker.finished)
        self.over = True
        self._conversation.do(HangUpCall(self.closing.reason))

    def line_gone(self) -> None:
        """The caller hung up, or nobody would hear a goodbye."""
        if not self.over:
            self.drop()
            self.over = True
