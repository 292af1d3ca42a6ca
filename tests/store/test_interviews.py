"""The score of interviews in the record, whatever becomes of the call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.store import queries
from bot.store.interviews import Interview, Interviews
from bot.store.orphans import close_orphans
from bot.store.recorder import AnswerScore, CallLog, CallStart
from bot.store.schema import migrations, prepare

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BANK = (AnswerScore(1, "First?", 3), AnswerScore(2, "Second?", 2), AnswerScore(3, "Third?", 4))


def begin(log: CallLog, call_id: str, at: datetime = NOON) -> None:
    log.begin(CallStart(call_id, "sip", call_id, "100", "1001", "p", "why", at))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An interview broken off at its second question, one never begun, and an ordinary call."""
    log = CallLog(tmp_path / "bot.db")
    for hour, call_id in enumerate(("talk", "early", "late")):
        begin(log, call_id, NOON + timedelta(hours=hour))
    for call_id in ("early", "late"):
        for each in BANK:
            log.answer(call_id, each)
    log.answer("late", AnswerScore(1, "First?", 3, ("größe",), asked=True))
    log.answer("late", AnswerScore(1, "First?", 3, ("größe", "shape"), asked=True))
    log.answer("late", AnswerScore(2, "Second?", 2, asked=True, hinted=True))
    log.close()
    assert log.lost == 0
    return tmp_path / "bot.db"


def interview(path: Path, call_id: str) -> Interview | None:
    return queries.find_call(path, call_id).interview


def test_a_score_reads_back_as_it_was_told_last(path: Path) -> None:
    found = interview(path, "late")
    assert found is not None
    assert (found.points, found.expected, found.asked, found.questions, found.hints) == (
        2,
        5,
        2,
        3,
        1,
    )
    first, second, third = found.answers
    assert (first.ask, first.touched, first.points) == ("First?", ["größe", "shape"], 2)
    assert (second.points, second.hinted, second.asked) == (0, True, True)
    assert (third.points, third.expected, third.asked, third.hinted) == (0, 4, False, False)


def test_an_interview_without_a_question_and_a_call_that_is_none(path: Path) -> None:
    found = interview(path, "early")
    assert found is not None and (found.points, found.expected, found.asked) == (0, 0, 0)
    assert interview(path, "talk") is None


def test_a_report_sums_up_interviews_that_began(path: Path) -> None:
    assert queries.report(path, None).interviews == Interviews(1, 2, 5, 2, 1)
    later = NOON + timedelta(hours=3)
    assert queries.report(path, later).interviews == Interviews(0, 0, 0, 0, 0)


def test_a_score_of_no_call_is_lost_and_counted(path: Path) -> None:
    log = CallLog(path)
    log.answer("nobody", BANK[0])
    log.close()
    assert log.lost == 1


KILLED = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from bot.store.recorder import AnswerScore, CallLog, CallStart
log = CallLog(Path(sys.argv[1]))
log.begin(CallStart("killed", "sip", "l", "1", "2", "p", "why", datetime.now(UTC)))
log.answer("killed", AnswerScore(1, "First?", 3, ("shape",), asked=True))
log.answer("killed", AnswerScore(2, "Second?", 2))
log.flush()
print("ready", flush=True)
time.sleep(60)
"""


def test_a_worker_killed_in_mid_call_leaves_the_score_so_far(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert close_orphans(path, worker.pid, "worker died", NOON) == 1
    found = interview(path, "killed")
    assert found is not None and (found.points, found.expected, found.asked) == (1, 3, 1)


def test_a_database_of_the_version_before_is_brought_up_with_its_calls(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = Database(str(path))
    migrations.apply(old, stop_before="interview_answers")
    old.execute(
        "INSERT INTO calls (id, leg_kind, leg_id, caller, called, persona, route_why, worker_pid,"
        " started) VALUES ('old', 'sip', 'l', '1', '2', 'p', 'why', 1, '2026-11-22T12:00:00.000Z')"
    )
    old.conn.commit()
    old.close()
    prepare(path)
    assert queries.find_call(path, "old").interview is None
