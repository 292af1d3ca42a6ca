"""Where a call stands: state, turn number, media time, and what the driver has to do next."""

from __future__ import annotations

from bot.engine.actions import Action, Mark, NoteDecision, NoteMark, NoteState
from bot.engine.segmenter import Utterance
from bot.engine.state import TRANSITIONS, State


class Conversation:
    """Shared by the listening and the speaking side of one engine."""

    def __init__(self) -> None:
        self.state = State.WAIT_FOR_USER
        self.turn = 0
        self.now = 0.0  # media time in seconds; stands still on hold
        self.pending: Utterance | None = None  # finished, its transcript is awaited
        self._turn_used = False
        self._marked: set[tuple[int, Mark]] = set()
        self._actions: list[Action] = []

    def enter(self, state: State, why: str) -> None:
        """The one place where the state changes."""
        if state is self.state:
            return
        assert (self.state, state) in TRANSITIONS, f"{self.state} → {state} is not in the table"
        was, self.state = self.state, state
        self._actions.append(NoteState(self.turn, state, was, why, self.now))

    def open_turn(self) -> int:
        """A turn number nothing has been done under yet; results for older ones are stale."""
        if self._turn_used:
            self.turn += 1
        self._turn_used = False
        return self.turn

    def do(self, action: Action) -> None:
        self._actions.append(action)
        self._turn_used = True

    def mark(self, mark: Mark, at: float | None = None) -> None:
        """Note a point of the ledger, the first time it is passed in a turn."""
        if (self.turn, mark) not in self._marked:
            self._marked.add((self.turn, mark))
            self.do(NoteMark(self.turn, mark, self.now if at is None else at))

    def decided(self, what: str, why: str) -> None:
        """Leave a trace of a decision about taking turns."""
        self._actions.append(NoteDecision(self.turn, what, why, self.now))

    def drain(self) -> list[Action]:
        """The actions gathered since the last call, in order."""
        actions, self._actions = self._actions, []
        return actions
