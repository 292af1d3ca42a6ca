"""A call's time: how many frames have passed, and what has passed of the present one."""

from __future__ import annotations

import time

from bot.audio.frame import FRAME_S


class MediaClock:
    """Seconds of media since the answer."""

    def __init__(self) -> None:
        self.ticks = 0
        self._ticked_at = 0.0

    def tick(self) -> None:
        """Another frame has come."""
        self.ticks += 1
        self._ticked_at = time.monotonic()

    @property
    def tick_at(self) -> float:
        """The time of the present frame."""
        return self.ticks * FRAME_S

    @property
    def now(self) -> float:
        """The same and what has passed since, never up to the next frame."""
        return self.tick_at + min(time.monotonic() - self._ticked_at, FRAME_S * 0.99)
