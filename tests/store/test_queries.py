"""Reading the record: finding a call, and adding up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store import queries
from bot.store.queries import Span
from bot.store.recorder import CallLog, CallStart
from bot.store.schema import MARKS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three calls an hour apart: two turns timed in full, one interrupted; the last one lives."""
    log = CallLog(tmp_path / "bot.db")
    for n, call_id in enumerate(("ab_1", "ab%2", "cd3")):
        at = NOON + timedelta(hours=n)
        log.begin(CallStart(call_id, "sip", call_id, "100", "1000", "p", "why", at))
    for turn, slow in ((1, 1), (2, 3)):
        for step, mark in enumerate(MARKS):
            log.mark("ab_1", turn, mark, 10 + 0.1 * step * slow)
    log.turn("ab_1", 2, interrupted=True)
    log.turn("ab_1", 3, speech_end_ms=1000.0)  # the caller hung up before the reply
    log.end("ab_1", NOON, "caller", {})
    log.end("ab%2", NOON, "goodbye", {})
    log.close()
    return tmp_path / "bot.db"


def test_recent_calls_are_newest_first_and_limited(path: Path) -> None:
    assert [call.id for call in queries.recent_calls(path, 2)] == ["cd3", "ab%2"]
    first = queries.recent_calls(path, 9)[-1]
    assert (first.turns, first.interruptions, first.response_p50_ms) == (3, 1, 1000.0)


def test_live_calls_are_those_not_ended(path: Path) -> None:
    assert [call.id for call in queries.live_calls(path)] == ["cd3"]


@pytest.mark.parametrize(
    ("wanted", "found"), [("cd", "cd3"), ("ab_", "ab_1"), ("ab%", "ab%2"), ("last", "cd3")]
)
def test_a_call_is_found_by_the_beginning_of_its_id(path: Path, wanted: str, found: str) -> None:
    assert queries.find_call(path, wanted).call.id == found


def test_an_exact_id_wins_over_longer_ones(path: Path) -> None:
    log = CallLog(path)
    log.begin(CallStart("cd", "sip", "", "", "", "", "", NOON))
    log.close()
    assert queries.find_call(path, "cd").call.id == "cd"


@pytest.mark.parametrize(
    ("wanted", "message"), [("ab", "Several"), ("zz", "No call"), ("%", "No call"), ("", "No call")]
)
def test_an_unclear_wish_is_refused(path: Path, wanted: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        queries.find_call(path, wanted)


def test_report_adds_up_each_span(path: Path) -> None:
    summed = queries.report(path, None)
    assert (summed.calls, summed.live, summed.turns, summed.interruptions) == (3, 1, 3, 1)
    assert summed.ends == {"caller": 1, "goodbye": 1}
    # two turns: 100 and 300 ms for each part; percentiles interpolate
    assert summed.spans["silence"] == Span(2, 200.0, 290.0)
    assert summed.spans["response"] == Span(2, 1000.0, 1450.0)


def test_report_since_counts_later_calls_only(path: Path) -> None:
    summed = queries.report(path, NOON + timedelta(minutes=1))
    assert (summed.calls, summed.turns) == (2, 0)
    assert summed.spans["response"] == Span(0, None, None)


def test_a_missing_database_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database yet"):
        queries.check(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_an_older_database_is_told_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    with pytest.raises(StoreError, match="older version"):
        queries.check(tmp_path / "old.db")
    assert (tmp_path / "old.db").stat().st_size == 0


def test_readers_see_calls_while_a_writer_holds_its_transaction(path: Path) -> None:
    from bot.store.schema import open_for_writing

    writer = open_for_writing(path)
    writer.execute("BEGIN EXCLUSIVE")
    writer.execute("DELETE FROM turns")
    assert len(queries.recent_calls(path, 9)) == 3
    writer.rollback()
