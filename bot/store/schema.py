"""The tables of the call record and the two ways to open them.

Each change of the schema is one more migration at the end of this file; those already released
are never edited. Times are ISO 8601 in UTC with milliseconds, `*_ms` are milliseconds of media
time since the answer unless their name says otherwise.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from bot.errors import StoreError

BUSY_TIMEOUT_S = 10.0  # how long a writer waits for another process's transaction
migrations = Migrations("bot")

STATS = ("frames_in", "frames_lost", "frames_dropped", "underruns", "rtp_received", "rtp_lost")
MARKS = ("speech_end", "turn_end", "stt_done", "llm_first", "tts_first", "first_audio_out")


@migrations()
def calls_turns_events(db: Database) -> None:
    """The first schema."""
    texts = ("leg_kind", "leg_id", "codec", "caller", "called", "persona", "route_why")
    db.table("calls").create(
        {
            "id": str,
            **dict.fromkeys(texts, str),
            "worker_pid": int,
            "started": str,
            "answered": str,
            "ended": str,  # null while the call lives
            "end_reason": str,
            "recording": str,
            **dict.fromkeys(STATS, int),
        },
        pk="id",
        not_null={*texts, "worker_pid", "started", "end_reason", "recording"},
        defaults={"codec": "", "end_reason": "", "recording": ""},
        strict=True,
    )
    db.table("calls").create_index(["started"])
    db.execute("CREATE INDEX idx_calls_open ON calls (worker_pid) WHERE ended IS NULL")
    words = ("utterance_id", "caller_text", "reply_text", "bot_heard", "error")
    providers = ("stt", "llm", "tts")
    db.table("turns").create(
        {
            "call_id": str,
            "turn": int,
            **dict.fromkeys(words, str),
            "interrupted": int,
            **{f"{mark}_ms": float for mark in MARKS},
            **{f"{provider}_took_ms": float for provider in providers},  # durations
            **dict.fromkeys(providers, str),
        },
        pk=("call_id", "turn"),
        foreign_keys=[("call_id", "calls", "id")],
        not_null={*words, "interrupted", *providers},
        defaults={**dict.fromkeys((*words, *providers), ""), "interrupted": 0},
        strict=True,
    )
    db.table("events").create(
        {"id": int, "call_id": str, "at_ms": float, "kind": str, "detail": str},
        pk="id",
        foreign_keys=[("call_id", "calls", "id")],
        not_null={"call_id", "at_ms", "kind", "detail"},
        strict=True,
    )
    db.table("events").create_index(["call_id", "at_ms"])


@migrations()
def interview_answers(db: Database) -> None:
    """The score of an interview: one row for each question of the bank, also those not put."""
    counts = ("asked", "hinted", "points", "expected")
    db.table("answers").create(
        {
            "call_id": str,
            "question": int,  # counts from 1, in the order of the bank
            "ask": str,
            **dict.fromkeys(counts, int),
            "touched": str,  # the expected ideas that were named, a JSON list
        },
        pk=("call_id", "question"),
        foreign_keys=[("call_id", "calls", "id")],
        not_null={"ask", *counts, "touched"},
        strict=True,
    )


@migrations()
def heard_quality(db: Database) -> None:
    """What the caller's audio of a turn was like as it came, and what was done to it."""
    turns = db.table("turns")
    for name in ("snr_db", "flatness", "clipped", "heard_ms"):
        turns.add_column(name, float)
    turns.add_column("conditioning", str, not_null_default="")  # the steps, in order


@migrations()
def caller_messages(db: Database) -> None:
    """What callers asked to be passed on."""
    texts = ("call_id", "at", "text", "name", "number")
    db.table("messages").create(
        {"id": int, "turn": int, **dict.fromkeys(texts, str)},
        pk="id",
        foreign_keys=[("call_id", "calls", "id")],
        not_null={"turn", *texts},
        strict=True,
    )
    db.table("messages").create_index(["call_id"])


@migrations()
def who_called_and_how(db: Database) -> None:
    """Which side began the call, and by which trunk it came or went."""
    calls = db.table("calls")
    calls.add_column("direction", str, not_null_default="in")  # or "out"
    calls.add_column("trunk", str, not_null_default="")


def open_for_writing(path: Path) -> Database:
    """Open the database, make or migrate it. Raises StoreError.

    The connection belongs to the calling thread. Several processes may do this at once.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = _connect(path)
        _enable_wal(db)
        db.execute("PRAGMA synchronous = NORMAL")  # safe in WAL; at worst the last second is lost
        db.execute("PRAGMA foreign_keys = ON")
        if migrations.pending(db):
            _migrate(db)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(_cannot(path, error)) from None
    return db


def open_for_reading(path: Path) -> Database:
    """Open an existing database without ever writing to it. Raises StoreError."""
    if not path.is_file():
        raise StoreError(f"{path}: no database yet. Start the bot once, or mend store.path.")
    try:
        db = _connect(path)
        db.execute("PRAGMA query_only = ON")
        outdated = bool(migrations.pending(db))
    except sqlite3.Error as error:
        raise StoreError(_cannot(path, error)) from None
    if outdated:
        db.close()
        raise StoreError(f"{path}: made by an older version. Start the bot once to bring it up.")
    return db


def prepare(path: Path) -> None:
    """Make or migrate the database and close it again. Raises StoreError."""
    with closing(open_for_writing(path)):
        pass


def _connect(path: Path) -> Database:
    # isolation_level None: no transaction is opened behind our back
    return Database(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None))


def _migrate(db: Database) -> None:
    db.execute("BEGIN IMMEDIATE")  # the first process in migrates, the others find it done
    try:
        migrations.apply(db)
        db.commit()
    except BaseException:
        db.rollback()
        raise


def _enable_wal(db: Database) -> None:
    """Two processes switching a fresh file at once: SQLite refuses one without waiting."""
    give_up = time.monotonic() + BUSY_TIMEOUT_S
    while db.journal_mode != "wal":
        try:
            db.enable_wal()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _cannot(path: Path, error: Exception) -> str:
    return (
        f"{path}: cannot be opened ({error}). "
        "Check store.path, the rights of its folder and the free disk space."
    )
