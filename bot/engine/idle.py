"""What to say to a caller who says nothing: reprompts, then a goodbye. Reads no clock."""

from __future__ import annotations

from collections.abc import Sequence

REACTION_S = 0.2  # from the decision to the first sound of a prompt that is rendered in advance


class IdleWatch:
    """`restart` whenever the caller or the bot has just been heard.

    Two patiences: `after_s` without an answer, and `dead_air_s` without any sound at all.
    """

    def __init__(
        self, after_s: float, dead_air_s: float, reprompts: Sequence[str], goodbye: str
    ) -> None:
        self._after_s = after_s
        self._silence_s = dead_air_s - REACTION_S
        self._reprompts = reprompts
        self._goodbye = goodbye
        self._used = 0
        self._since = 0.0

    def restart(self, now: float) -> None:
        self._since = now

    def caller_spoke(self) -> None:
        """Words were understood: patience starts anew."""
        self._used = 0

    def due(self, now: float, quiet_s: float) -> tuple[str, bool] | None:
        """What to say now and whether it is the goodbye; None while it is not time.

        `quiet_s`: how long nobody has been heard.
        """
        if now - self._since < self._after_s and quiet_s < self._silence_s:
            return None
        self._since = now
        if self._used < len(self._reprompts):
            self._used += 1
            return self._reprompts[self._used - 1], False
        return self._goodbye, True
