"""The call record as the session writes it: every method returns at once.

One thread per CallLog owns the connection and writes in the order of the calls, all that has
come meanwhile in one transaction. A write that fails is counted and logged without its content;
it never reaches the call.
"""

from __future__ import annotations

import json
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

import structlog
from sqlite_utils import Database
from sqlite_utils.db import NotFoundError

from bot.errors import StoreError
from bot.store.schema import MARKS, STATS, open_for_writing, prepare
from bot.store.times import to_text

MAX_WAITING = 20_000  # writes; beyond it the disk has stalled and memory matters more
MAX_BATCH = 500
SHARES = ("flatness", "clipped")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CallStart:
    """What is known of a call when its leg appears."""

    call_id: str  # unique for ever
    leg_kind: str
    leg_id: str
    caller: str
    called: str
    persona: str  # slug, "" when nobody answers
    route_why: str
    started: datetime  # aware
    codec: str = ""
    recording: str = ""  # path of the WAV, "" when the call is not recorded
    direction: str = "in"  # "out": the bot called
    trunk: str = ""  # by which it came or went, "" for none
    worker_pid: int = field(default_factory=os.getpid)


class TurnColumns(TypedDict, total=False):
    """What may be told of a turn; each telling adds to or replaces what was told before."""

    utterance_id: str
    caller_text: str
    reply_text: str
    bot_heard: str
    interrupted: bool
    error: str
    speech_end_ms: float  # the ledger: milliseconds since the answer, as on the wire
    turn_end_ms: float
    stt_done_ms: float
    llm_first_ms: float
    tts_first_ms: float
    first_audio_out_ms: float
    stt_took_ms: float  # durations of the providers' own work
    llm_took_ms: float
    tts_took_ms: float
    stt: str  # provider names
    llm: str
    tts: str
    snr_db: float  # of the caller's audio as it came
    flatness: float
    clipped: float  # share of samples, 0 to 1
    heard_ms: float  # how much was transcribed
    conditioning: str  # steps that were run on it, "" for none


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """What an interview's question has brought so far."""

    question: int  # counts from 1, in the order of the bank
    ask: str
    expected: int  # ideas that a full answer names
    touched: tuple[str, ...] = ()  # those that were named
    asked: bool = False  # was the question heard?
    hinted: bool = False


@dataclass(frozen=True, slots=True)
class _Write:
    table: str
    do: Callable[[Database], object]


class CallLog:
    """Writes the record of all calls of one worker. Make it after the worker was forked.

    `lost` counts what could not be written. Raises StoreError at construction only.
    """

    def __init__(self, path: Path) -> None:
        prepare(path)
        self.lost = 0
        self._path = path
        self._closed = False
        self._queue: queue.SimpleQueue[_Write | threading.Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="call-log", daemon=True)
        self._thread.start()

    def begin(self, start: CallStart) -> None:
        row = asdict(start) | {"started": to_text(start.started)}
        row["id"] = row.pop("call_id")
        self._put("calls", partial(_insert, "calls", _storable(row)))

    def answered(self, call_id: str, at: datetime, codec: str) -> None:
        row = _storable({"answered": to_text(at), "codec": codec})
        self._put("calls", partial(_update, call_id, row))

    def turn(self, call_id: str, turn: int, **columns: Unpack[TurnColumns]) -> None:
        """Add to the record of a turn; columns not named keep what they have."""
        self._merge_turn(call_id, turn, dict(columns))

    def mark(self, call_id: str, turn: int, mark: str, at_s: float) -> None:
        """Note when a turn passed a point of its ledger; `at_s` in seconds since the answer."""
        if mark not in MARKS:
            raise ValueError(f"{mark!r} is no point of the ledger")
        self._merge_turn(call_id, turn, {f"{mark}_ms": at_s * 1000})

    def event(self, call_id: str, at_ms: float, kind: str, **detail: object) -> None:
        """Note something beside the turns: a state change, hold, a count of digits."""
        row = {
            "call_id": call_id,
            "at_ms": at_ms,
            "kind": kind,
            "detail": json.dumps(detail, default=str, ensure_ascii=False),
        }
        self._put("events", partial(_insert, "events", _storable(row)))

    def message(
        self, call_id: str, at: datetime, turn: int, *, text: str, name: str, number: str
    ) -> None:
        """Keep what a caller asked to be passed on."""
        row: dict[str, Any] = {"call_id": call_id, "at": to_text(at), "turn": turn}
        row |= {"text": text, "name": name, "number": number}
        self._put("messages", partial(_insert, "messages", _storable(row)))

    def answer(self, call_id: str, score: AnswerScore) -> None:
        """Note what a question of an interview has brought; it replaces what was told before."""
        row = asdict(score) | {
            "call_id": call_id,
            "points": len(score.touched),
            "touched": json.dumps(score.touched, ensure_ascii=False),
        }
        self._put("answers", partial(_upsert, "answers", ("call_id", "question"), _storable(row)))

    def end(self, call_id: str, at: datetime, reason: str, stats: Mapping[str, int]) -> None:
        """Close the record; of `stats` the keys named in schema.STATS are kept."""
        counted = {name: int(stats[name]) for name in STATS if name in stats}
        row = {"ended": to_text(at), "end_reason": reason, **counted}
        self._put("calls", partial(_update, call_id, _storable(row)))

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was told so far is written; False when it took too long."""
        if self._closed:
            return not self._thread.is_alive()
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout_s)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is left and stop; False when that took too long. Twice is harmless."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _merge_turn(self, call_id: str, turn: int, columns: dict[str, Any]) -> None:
        row = _storable(columns | {"call_id": call_id, "turn": turn})
        self._put("turns", partial(_upsert, "turns", ("call_id", "turn"), row))

    def _put(self, table: str, do: Callable[[Database], object]) -> None:
        if self._closed or self._queue.qsize() >= MAX_WAITING:
            self._lose(1, table, "closed" if self._closed else "too many waiting")
            return
        self._queue.put(_Write(table, do))

    def _run(self) -> None:
        """The writer thread."""
        db: Database | None = None
        last = False
        while not last:
            batch = [self._queue.get()]
            while len(batch) < MAX_BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            last = None in batch
            writes = [item for item in batch if isinstance(item, _Write)]
            if writes:
                db = self._write(db, writes)
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
        if db is not None:
            db.close()

    def _write(self, db: Database | None, writes: list[_Write]) -> Database | None:
        """One transaction for all; each write in a savepoint of its own, so that one bad row
        costs only itself. The connection to go on with, None when it has to be made anew."""
        try:
            db = db or open_for_writing(self._path)
            # IMMEDIATE: a deferred transaction that reads first cannot wait for other writers
            db.execute("BEGIN IMMEDIATE")
            for write in writes:
                self._write_one(db, write)
            db.commit()
        except (sqlite3.Error, StoreError) as error:
            self._lose(len(writes), "all", _name(error))
            if db is not None:
                db.close()  # rolls back
            return None
        return db

    def _write_one(self, db: Database, write: _Write) -> None:
        try:
            with db.atomic():
                write.do(db)
        except (sqlite3.Error, NotFoundError) as error:
            if not db.conn.in_transaction:
                raise  # the whole transaction is gone, e.g. disk full
            self._lose(1, write.table, _name(error))

    def _lose(self, count: int, table: str, why: str) -> None:
        self.lost += count
        log.error("call record not written", table=table, writes=count, why=why)


def _insert(table: str, row: dict[str, Any], db: Database) -> None:
    db.table(table).insert(row)


def _update(call_id: str, row: dict[str, Any], db: Database) -> None:
    db.table("calls").update(call_id, row)


def _upsert(table: str, pk: tuple[str, ...], row: dict[str, Any], db: Database) -> None:
    db.table(table).upsert(row, pk=pk)


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds and decibels to a tenth, text without the lone surrogates that a SIP header may
    smuggle in."""
    for name, value in row.items():
        if isinstance(value, str):
            row[name] = value.encode("utf-8", "replace").decode()
        elif name.endswith(("_ms", "_db")) and value is not None:
            row[name] = round(float(value), 1)
        elif name in SHARES and value is not None:
            row[name] = round(float(value), 4)
    return row


def _name(error: Exception) -> str:
    """The kind of an error; never its text, which may quote a value."""
    return getattr(error, "sqlite_errorname", type(error).__name__)
