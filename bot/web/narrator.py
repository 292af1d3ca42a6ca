"""A call as its onlookers are told of it: notes of the engine in, events for the page out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.calls.taps import Tap
from bot.engine.actions import Mark, Note, NoteBot, NoteCaller, NoteDecision, NoteMark, NoteState
from bot.engine.engine import Glimpse
from bot.engine.state import State
from bot.legs.base import Digit, Hold, MediaChanged
from bot.store.queries import SPANS
from bot.web.messages import (
    AgentState,
    AgentStateEvent,
    CallEvent,
    Latency,
    SpeakingState,
    Transcript,
    Who,
)

DOING: dict[str, AgentState] = {
    State.WAIT_FOR_USER: "listening",
    State.VALIDATING_UTTERANCE: "thinking",
    State.PROCESSING_USER: "thinking",
    State.AI_SPEAKING: "speaking",
}
DECIDED: dict[str, AgentState] = {
    "barge-in paused": "paused",
    "barge-in resumed": "speaking",
}


@dataclass(slots=True)
class Narrator(Tap):
    """Tells each thing once: a state when it changes, a text when it grows."""

    tell: Callable[[CallEvent], None]
    call_id: str = ""
    persona: str = ""
    state: AgentState = "connecting"
    reason: str = ""
    _before_hold: AgentState = "listening"
    _speaking: dict[Who, bool] = field(default_factory=dict)
    _said: tuple[int, str, str] = (-1, "", "")  # turn, reply and heard as told last
    _closed_turn: int = -1  # whose reply is over: a glimpse must not overwrite its record
    _marks: dict[Mark, float] = field(default_factory=dict)

    def began(self, call_id: str, persona: str) -> None:
        self.call_id, self.persona = call_id, persona

    def ringing(self) -> None:
        self._enter("ringing", 0.0)

    def answered(self) -> None:
        self._enter("listening", 0.0)

    def noted(self, note: Note, at: float) -> None:
        match note:
            case NoteState(_, state):
                self._enter(DOING[state], at)
            case NoteDecision(_, what):
                if what in DECIDED:
                    self._enter(DECIDED[what], at)
            case NoteCaller(turn, _, text):
                self.tell(Transcript(at=at, turn=turn, who="caller", text=text))
            case NoteBot(turn, reply, heard, interrupted):
                self._closed_turn = turn
                self._reply(at, turn, reply, heard, interrupted)
            case NoteMark(turn, mark):
                self._mark(turn, mark, at)

    def line(self, event: Digit | Hold | MediaChanged, at: float) -> None:
        if not isinstance(event, Hold):
            return
        if event.on and self.state != "on_hold":
            self._before_hold = self.state
            self._enter("on_hold", at)
        elif not event.on and self.state == "on_hold":
            self._enter(self._before_hold, at)

    def glimpsed(self, glimpse: Glimpse, at: float) -> None:
        self._speaks("caller", glimpse.caller_sounds, at)
        self._speaks("agent", glimpse.bot_sounds, at)
        now = (glimpse.turn, glimpse.reply, glimpse.heard)
        if glimpse.heard and glimpse.turn != self._closed_turn and now != self._said:
            self._said = now
            self._reply(at, glimpse.turn, glimpse.reply, glimpse.heard, interrupted=False)

    def ended(self, reason: str) -> None:
        self.reason = reason
        self._enter("ended", 0.0)

    # ----

    def _enter(self, state: AgentState, at: float) -> None:
        if state == self.state or self.state == "ended":
            return
        if self.state == "on_hold" and state not in ("ended", self._before_hold):
            self._before_hold = state  # what it is doing behind the hold is told afterwards
            return
        self.state = state
        self.tell(
            AgentStateEvent(at=at, state=state, reason=self.reason if state == "ended" else "")
        )

    def _speaks(self, who: Who, speaking: bool, at: float) -> None:
        if self._speaking.get(who, False) != speaking:
            self._speaking[who] = speaking
            self.tell(SpeakingState(at=at, who=who, speaking=speaking))

    def _reply(self, at: float, turn: int, reply: str, heard: str, interrupted: bool) -> None:
        self.tell(
            Transcript(
                at=at, turn=turn, who="agent", text=reply, heard=heard, interrupted=interrupted
            )
        )

    def _mark(self, turn: int, mark: Mark, at: float) -> None:
        if mark is Mark.SPEECH_END:
            self._marks.clear()
        self._marks[mark] = at
        if mark is Mark.FIRST_AUDIO_OUT and Mark.SPEECH_END in self._marks:
            spans = self._spans()
            total = spans.pop("response")
            self.tell(Latency(at=at, turn=turn, total_ms=total, parts_ms=spans))
            self._marks.clear()

    def _spans(self) -> dict[str, float]:
        at_ms = {f"{mark}_ms": at * 1000 for mark, at in self._marks.items()}
        return {
            name: round(at_ms[last] - at_ms[first], 1)
            for name, (first, last) in SPANS.items()
            if first in at_ms and last in at_ms
        }
