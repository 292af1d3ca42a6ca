"""What the model wants to be done to the call, kept until its words have been heard.

A reply that is interrupted takes its wishes with it: a caller who says "wait" into the goodbye
stays on the line.
"""

from __future__ import annotations

from bot.engine.inputs import Control, ControlAsked
from bot.persona import Phrases

TAIL_S = 0.2  # between the last word and the transfer: it is still on its way to the caller
WITHIN_S = 25.0  # a transfer that nothing is heard of has failed; a leg gives up after 20 s
ATTENDED_S = 75.0  # the same where the other side is rung up and told of the caller first


class Wishes:
    """Of one reply."""

    def __init__(self) -> None:
        self._asked: dict[Control, ControlAsked] = {}

    def add(self, wish: ControlAsked) -> None:
        """Of a kind the latest counts."""
        self._asked[wish.control] = wish

    def get(self, control: Control) -> ControlAsked | None:
        return self._asked.get(control)

    def words(self, phrases: Phrases) -> str:
        """What is said to them when the model says nothing; "" when there are none."""
        lent = {
            Control.HANG_UP: phrases.goodbye,
            Control.TRANSFER: phrases.transfer,
            Control.SEND_DIGITS: phrases.done,
        }
        return next((words for control, words in lent.items() if control in self._asked), "")

    def clear(self) -> None:
        self._asked.clear()


class Handover:
    """The caller is being put through."""

    def __init__(self, wish: ControlAsked, now: float, *, attended: bool = False) -> None:
        self.wish = wish
        self._within_s = ATTENDED_S if attended else WITHIN_S
        self._since = now
        self._begun = False

    def begins(self, now: float) -> bool:
        """Is it time to ask the other side? Says yes once."""
        if self._begun or now - self._since < TAIL_S:
            return False
        self._begun = True
        return True

    def overdue(self, now: float) -> bool:
        return now - self._since >= self._within_s
