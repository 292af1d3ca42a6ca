"""Three small watches: when to fill a silence, when a dialled number is complete, when to hang
up after a goodbye."""

from __future__ import annotations

REACTION_S = 1.0  # a filler starts this long before the silence would be too long
MAX_FILLERS = 2  # after so many, a reply that is still not there has failed
DIGITS_OVER_S = 2.0  # no further key for so long: the caller has finished dialling
TAIL_S = 0.2  # between the last word and the hang-up
CLOSING_WITHIN_S = 8.0  # a goodbye that cannot be spoken does not keep the line open


class Fillers:
    """Keeps a caller company while a reply is being prepared.

    The first filler comes `after_s` after the preparation began, or as soon as the silence since
    anyone was heard nears `dead_air_s`; the following ones by the latter rule alone.
    """

    def __init__(self, after_s: float, dead_air_s: float) -> None:
        self._after_s = after_s
        self._silence_s = max(REACTION_S, dead_air_s - REACTION_S)
        self._heard_at = 0.0
        self._filled_at = 0.0  # a filler was asked for; it is heard a moment later, or never
        self._began = 0.0
        self._given = 0

    def start(self, now: float) -> None:
        """A reply begins to be prepared."""
        self._began, self._given = now, 0

    def sound(self, now: float) -> None:
        """Someone is heard at this moment."""
        self._heard_at = now

    def due(self, now: float) -> int:
        """Is it time for a filler, and for which: 1 the first, 2 the second; 0 for none.

        Saying yes counts as giving it.
        """
        if not self._late(now):
            return 0
        self._given += 1
        self._began = self._filled_at = now
        return self._given

    def exhausted(self, now: float) -> bool:
        """Another filler would be due, but the caller has heard enough of them."""
        return self._given >= MAX_FILLERS and self._late(now)

    def _late(self, now: float) -> bool:
        waited_s = min(now - self._began, self.quiet_s(now))
        first = self._given == 0 and waited_s >= self._after_s
        return first or min(now - self._filled_at, self.quiet_s(now)) >= self._silence_s

    def too_quiet(self, now: float) -> bool:
        """Is the silence about to be too long, whoever should speak?"""
        return self.quiet_s(now) >= self._silence_s

    def quiet_s(self, now: float) -> float:
        """How long nobody has been heard."""
        return now - self._heard_at


class Keys:
    """Collects DTMF digits until the caller pauses or presses #."""

    def __init__(self) -> None:
        self._digits = ""
        self._pressed_at = 0.0
        self.since = 0.0  # when the first of them was pressed

    @property
    def pressed(self) -> bool:
        return bool(self._digits)

    def press(self, digit: str, now: float) -> None:
        if not self._digits:
            self.since = now
        self._digits += digit
        self._pressed_at = now

    def complete(self, now: float) -> bool:
        if len(self._digits) > 1 and self._digits.endswith("#"):
            return True  # "press hash when done", as every telephone menu has taught callers
        return bool(self._digits) and now - self._pressed_at >= DIGITS_OVER_S

    def take(self) -> str:
        """The digits as words a model reads well: "1 2 3"."""
        digits, self._digits = self._digits, ""
        return " ".join(digits[:-1] if len(digits) > 1 and digits[-1] == "#" else digits)


class Closing:
    """The last words of a call: the line stays up until they have been heard."""

    def __init__(self, reason: str, now: float) -> None:
        self.reason = reason
        self._since = now
        self._silent_since: float | None = None

    def over(self, finished: bool, audible: bool, now: float) -> bool:
        """Is it time to hang up? Asked once per tick."""
        if finished and self._silent_since is None:
            self._silent_since = now
        if self._silent_since is not None:
            return now - self._silent_since >= TAIL_S
        return not audible and now - self._since >= CLOSING_WITHIN_S
