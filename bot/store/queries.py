"""Reading the call record. Everything here opens the database for reading only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlite_utils import Database

from bot.errors import StoreError
from bot.store.detours import PROVIDER, Detour, detours, failures
from bot.store.interviews import Interview, Interviews, interview_of, summed_up
from bot.store.messages import CallerMessage, messages_of
from bot.store.reading import reading
from bot.store.times import to_text

LAST = "last"
SPANS = {
    "silence": ("speech_end_ms", "turn_end_ms"),  # waiting whether the caller goes on
    "stt": ("turn_end_ms", "stt_done_ms"),
    "llm": ("stt_done_ms", "llm_first_ms"),
    "tts": ("llm_first_ms", "tts_first_ms"),
    "out": ("tts_first_ms", "first_audio_out_ms"),
    "response": ("speech_end_ms", "first_audio_out_ms"),  # the whole of it
}
"""Parts of a response by name: from which point of the ledger to which."""


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the calls table and what its turns add up to."""

    id: str
    leg_kind: str
    leg_id: str
    codec: str
    caller: str
    called: str
    persona: str
    route_why: str
    worker_pid: int
    started: str
    answered: str | None
    ended: str | None  # None while the call lives
    end_reason: str
    recording: str
    frames_in: int | None
    frames_lost: int | None
    frames_dropped: int | None
    underruns: int | None
    rtp_received: int | None
    rtp_lost: int | None
    direction: str  # "in", or "out" when the bot called
    trunk: str  # by which it came or went, "" for none
    turns: int
    interruptions: int
    response_p50_ms: float | None  # over its turns


@dataclass(frozen=True, slots=True)
class Turn:
    """One row of the turns table; `spans` holds those of SPANS that can be told, in ms."""

    turn: int
    utterance_id: str
    caller_text: str
    reply_text: str
    bot_heard: str
    interrupted: bool
    error: str
    speech_end_ms: float | None
    turn_end_ms: float | None
    stt_done_ms: float | None
    llm_first_ms: float | None
    tts_first_ms: float | None
    first_audio_out_ms: float | None
    stt_took_ms: float | None
    llm_took_ms: float | None
    tts_took_ms: float | None
    stt: str
    llm: str
    tts: str
    snr_db: float | None  # of the caller's audio as it came, None when nothing was transcribed
    flatness: float | None
    clipped: float | None
    heard_ms: float | None
    conditioning: str  # steps that were run on it, "" for none
    spans: dict[str, float]

    @property
    def who(self) -> str:
        """Who heard, thought and spoke: `stt groq, llm groq, tts cache`; "" when nobody did."""
        names = {"stt": self.stt, "llm": self.llm, "tts": self.tts}
        return ", ".join(f"{kind} {name}" for kind, name in names.items() if name)


@dataclass(frozen=True, slots=True)
class Event:
    at_ms: float
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallDetail:
    call: Call
    turns: list[Turn]
    events: list[Event]
    interview: Interview | None  # None when the call was none
    messages: list[CallerMessage]  # that the bot took down

    @property
    def detours(self) -> list[Detour]:
        """Requests that somebody failed to answer, in the order of the turns."""
        return detours(each.detail for each in self.events if each.kind == PROVIDER)


@dataclass(frozen=True, slots=True)
class Span:
    """How long a part of the response took, over `n` turns, in milliseconds."""

    n: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Report:
    since: str | None
    calls: int
    live: int  # of them not ended yet
    turns: int
    interruptions: int
    ends: dict[str, int]  # calls by end reason, most frequent first
    spans: dict[str, Span]  # the keys of SPANS, in milliseconds
    interviews: Interviews
    failures: dict[str, dict[str, int]]  # "stt groq" → error code → how often


def recent_calls(path: Path, limit: int) -> list[Call]:
    """The newest calls first. Raises StoreError."""
    with reading(path) as db:
        return _calls(db, "ORDER BY started DESC, id LIMIT ?", [limit])


def live_calls(path: Path) -> list[Call]:
    """Calls with an open record, oldest first. Raises StoreError."""
    with reading(path) as db:
        return _calls(db, "WHERE ended IS NULL ORDER BY started", [])


def find_call(path: Path, wanted: str) -> CallDetail:
    """One call by id, by the beginning of its id, or "last". Raises StoreError."""
    with reading(path) as db:
        return _detail(db, _resolve(db, wanted))


def get_call(path: Path, call_id: str) -> CallDetail | None:
    """One call by its whole id, None when there is none. Raises StoreError."""
    with reading(path) as db:
        found = _calls(db, "WHERE id = ?", [call_id])
        return _detail(db, found[0]) if found else None


def report(path: Path, since: datetime | None) -> Report:
    """What happened and how long callers waited, in calls begun at or after `since` (aware).
    Raises StoreError."""
    start = to_text(since) if since else None
    with reading(path) as db:
        where, values = ("WHERE started >= ?", [start]) if start else ("", [])
        ends = db.query(
            f"SELECT ended IS NULL AS live, end_reason, count(*) AS n FROM calls {where}"
            " GROUP BY 1, 2 ORDER BY n DESC, end_reason",
            values,
        )
        counted = list(ends)
        turns = [
            _turn(row)
            for row in db.query(
                f"SELECT * FROM turns WHERE call_id IN (SELECT id FROM calls {where})", values
            )
        ]
        interviews = summed_up(db, where, values)
        failed = failures(db, where, values)
    return Report(
        since=start,
        calls=sum(row["n"] for row in counted),
        live=sum(row["n"] for row in counted if row["live"]),
        turns=len(turns),
        interruptions=sum(turn.interrupted for turn in turns),
        ends={row["end_reason"]: row["n"] for row in counted if not row["live"]},
        spans={name: _span(turns, name) for name in SPANS},
        interviews=interviews,
        failures=failed,
    )


def check(path: Path) -> None:
    """Raises StoreError unless the database can be read."""
    with reading(path) as db:
        db.execute("SELECT 1 FROM calls LIMIT 1").fetchone()


def _calls(db: Database, clause: str, values: list[Any]) -> list[Call]:
    rows = list(db.query(f"SELECT * FROM calls {clause}", values))
    turns = _turns(db, [row["id"] for row in rows])
    return [
        Call(
            **row,
            turns=len(turns[row["id"]]),
            interruptions=sum(turn.interrupted for turn in turns[row["id"]]),
            response_p50_ms=_span(turns[row["id"]], "response").p50,
        )
        for row in rows
    ]


def _detail(db: Database, call: Call) -> CallDetail:
    events = [
        Event(row["at_ms"], row["kind"], json.loads(row["detail"]))
        for row in db.query(
            "SELECT at_ms, kind, detail FROM events WHERE call_id = ? ORDER BY at_ms, id",
            [call.id],
        )
    ]
    return CallDetail(
        call,
        _turns(db, [call.id])[call.id],
        events,
        interview_of(db, call.id),
        messages_of(db, call.id),
    )


def _resolve(db: Database, wanted: str) -> Call:
    if wanted == LAST:
        found = _calls(db, "ORDER BY started DESC, id LIMIT 1", [])
        if not found:
            raise StoreError("No call has been recorded yet.")
        return found[0]
    # substr, not LIKE: an id may hold % and _
    found = _calls(
        db, "WHERE substr(id, 1, length(?)) = ? ORDER BY id = ? DESC LIMIT 3", [wanted] * 3
    )
    if not found or not wanted:
        raise StoreError(f"No call's id begins with {wanted!r}. See `python -m bot calls`.")
    if len(found) > 1 and found[0].id != wanted:
        raise StoreError(f"Several calls' ids begin with {wanted!r}. Give more of it.")
    return found[0]


def _turns(db: Database, call_ids: list[str]) -> dict[str, list[Turn]]:
    """The turns of each of these calls, in order."""
    turns: dict[str, list[Turn]] = {call_id: [] for call_id in call_ids}
    rows = db.query(
        "SELECT * FROM turns WHERE call_id IN (SELECT value FROM json_each(?))"
        " ORDER BY call_id, turn",
        [json.dumps(call_ids)],
    )
    for row in rows:
        turns[row["call_id"]].append(_turn(row))
    return turns


def _turn(row: dict[str, Any]) -> Turn:
    known = {each.name: row[each.name] for each in fields(Turn) if each.name in row}
    spans = {
        name: round(row[end] - row[start], 1)
        for name, (start, end) in SPANS.items()
        if row[start] is not None and row[end] is not None
    }
    return Turn(**known | {"interrupted": bool(row["interrupted"]), "spans": spans})


def _span(turns: Iterable[Turn], name: str) -> Span:
    took = [turn.spans[name] for turn in turns if name in turn.spans]
    if not took:
        return Span(0, None, None)
    p50, p95 = np.percentile(took, [50, 95])
    return Span(len(took), round(float(p50), 1), round(float(p95), 1))
