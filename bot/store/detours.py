"""Detours of the call record: requests that somebody failed to answer, and who did in the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

PROVIDER = "provider"  # the kind of these events
PLACE = {"stt": 0, "llm": 1, "tts": 2}


@dataclass(frozen=True, slots=True)
class Detour:
    """One request of a turn, as it reads: `stt answered by local after groq 429`."""

    turn: int
    what: str  # stt, llm or tts
    answered: str  # provider, "" for nobody
    after: tuple[tuple[str, str], ...]  # provider and error code of each failure, in order

    def __str__(self) -> str:
        return (
            f"{self.what} answered by {self.answered or 'nobody'} "
            f"after {', '.join(map(' '.join, self.after))}"
        )


def detours(details: Iterable[dict[str, Any]]) -> list[Detour]:
    """Of the details of PROVIDER events, in the order of a turn's work.

    Several requests of a turn that went the same way are told once.
    """
    found = dict.fromkeys(map(_detour, details))
    return sorted(found, key=lambda each: (each.turn, PLACE.get(each.what, len(PLACE))))


def _detour(detail: dict[str, Any]) -> Detour:
    after = tuple((each["provider"], each["code"]) for each in detail["after"])
    return Detour(detail["turn"], detail["what"], detail["answered"], after)


def failures(db: Database, of_calls: str, values: Sequence[Any]) -> dict[str, dict[str, int]]:
    """How often each provider failed, by error code, most frequent first, in the calls that the
    WHERE clause `of_calls` picks. Keys are kind and provider: "stt groq"."""
    rows = db.query(
        "SELECT json_extract(events.detail, '$.what') || ' ' || json_extract(each.value,"
        " '$.provider') AS who, json_extract(each.value, '$.code') AS code, count(*) AS n"
        " FROM events, json_each(events.detail, '$.after') AS each"
        f" WHERE kind = '{PROVIDER}' AND call_id IN (SELECT id FROM calls {of_calls})"
        " GROUP BY who, code ORDER BY who, n DESC, code",
        list(values),
    )
    counted: dict[str, dict[str, int]] = {}
    for row in rows:
        counted.setdefault(row["who"], {})[row["code"]] = row["n"]
    return counted
