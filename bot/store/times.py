"""How the record writes a moment: ISO 8601, UTC, milliseconds, e.g. 2026-11-22T21:04:05.678Z."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(at: datetime) -> str:
    """`at` must be aware; a naive time is taken as local time, as Python does."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The aware datetime of a text written by `to_text`, or of any ISO 8601 text."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.astimezone()
