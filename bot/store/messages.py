"""What the bot did in a call besides talking: messages it took down, tools it used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from bot.store.reading import reading

TOOL = "tool"  # the kind of these events


@dataclass(frozen=True, slots=True)
class CallerMessage:
    """What a caller wanted to be passed on."""

    call_id: str
    at: str  # ISO 8601 in UTC
    turn: int
    text: str
    name: str  # who called, as they said or as the line shows, "" for unknown
    number: str  # where to call back, "" for unknown


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool that a model asked for, as it reads: `order_status worked in 120 ms`."""

    turn: int
    name: str
    arguments: str  # JSON, as the model wrote them
    result: str  # what the model read
    why: str  # why it did not work, "" when it did
    took_ms: float

    def __str__(self) -> str:
        outcome = f"failed ({self.why})" if self.why else "worked"
        return f"{self.name} {outcome} in {self.took_ms:.0f} ms"


def recent_messages(path: Path, limit: int) -> list[CallerMessage]:
    """The newest first, of all calls. Raises StoreError."""
    with reading(path) as db:
        return _messages(db, "ORDER BY at DESC, id DESC LIMIT ?", [limit])


def messages_of(db: Database, call_id: str) -> list[CallerMessage]:
    """Those of one call, in order."""
    return _messages(db, "WHERE call_id = ? ORDER BY id", [call_id])


def _messages(db: Database, clause: str, values: Sequence[Any]) -> list[CallerMessage]:
    names = ", ".join(each.name for each in fields(CallerMessage))
    rows = db.query(f"SELECT {names} FROM messages {clause}", list(values))
    return [CallerMessage(**row) for row in rows]


def tools_used(details: Iterable[dict[str, Any]]) -> list[ToolUse]:
    """Of the details of TOOL events, in order."""
    return [ToolUse(**detail) for detail in details]
