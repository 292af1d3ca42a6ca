"""Somebody who looks on while a call goes on: the browser's page, an event stream.

A tap is told what the record is told, at the same moment and with times as on the wire; it cannot
change anything, and whatever it does must not take long.
"""

from __future__ import annotations

from typing import Protocol

from bot.engine.actions import Note
from bot.engine.engine import Glimpse
from bot.legs.base import Digit, Hold, MediaChanged

LOOK_EVERY = 5  # ticks between two glimpses: 100 ms, about the least an eye can follow


class Tap(Protocol):
    """All methods are called in the event loop, `began` first and `ended` last."""

    def began(self, call_id: str, persona: str) -> None:
        """There is a record; `persona` is a slug, "" when nobody answers."""

    def ringing(self) -> None:
        """The dialplan lets it ring before it is answered."""

    def answered(self) -> None:
        """The conversation begins."""

    def noted(self, note: Note, at: float) -> None:
        """The engine noted this at `at` seconds since the answer."""

    def line(self, event: Digit | Hold | MediaChanged, at: float) -> None:
        """Something happened on the line."""

    def glimpsed(self, glimpse: Glimpse, at: float) -> None:
        """What the conversation looks like now; every LOOK_EVERY ticks."""

    def ended(self, reason: str) -> None:
        """The record is closed."""
