"""What a bot wrote about a call, waited for where the writer needs a moment."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from tests.support.bot_process import BotProcess

WRITE_S = 5.0


def record_of(bot: BotProcess, leg_id: str, within_s: float = WRITE_S) -> sqlite3.Row:
    """The closed record of the call with this SIP Call-ID. AssertionError when it stays open."""
    deadline = time.monotonic() + within_s
    while True:
        rows = bot.rows("SELECT * FROM calls WHERE leg_id = ?", leg_id)
        if rows and rows[0]["ended"]:
            return rows[0]
        assert time.monotonic() < deadline, f"no closed record of {leg_id}: {list(map(dict, rows))}"
        time.sleep(0.05)


def newest_record(bot: BotProcess, called: str, within_s: float = WRITE_S) -> sqlite3.Row:
    """The closed record of the last call to `called`."""
    rows = bot.rows("SELECT leg_id FROM calls WHERE called = ? ORDER BY started DESC", called)
    assert rows, f"no record of a call to {called}"
    return record_of(bot, rows[0]["leg_id"], within_s)


def turns_of(bot: BotProcess, leg_id: str) -> list[sqlite3.Row]:
    return bot.rows(
        "SELECT turns.* FROM turns JOIN calls ON calls.id = call_id WHERE leg_id = ? ORDER BY turn",
        leg_id,
    )


def answers_of(bot: BotProcess, leg_id: str) -> list[sqlite3.Row]:
    """An interview's questions with their scores."""
    return bot.rows(
        "SELECT answers.* FROM answers JOIN calls ON calls.id = call_id WHERE leg_id = ?"
        " ORDER BY question",
        leg_id,
    )


def events_of(bot: BotProcess, leg_id: str, kind: str) -> list[dict[str, Any]]:
    rows = bot.rows(
        "SELECT detail FROM events JOIN calls ON calls.id = call_id"
        " WHERE leg_id = ? AND kind = ? ORDER BY at_ms, events.id",
        *(leg_id, kind),
    )
    return [json.loads(row["detail"]) for row in rows]
