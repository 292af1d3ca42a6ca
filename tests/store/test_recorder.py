"""The call record: what the session tells stands in the file, whatever else happens."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import StoreError
from bot.store import queries
from bot.store.orphans import close_orphans
from bot.store.recorder import CallLog, CallStart
from bot.store.schema import open_for_writing, prepare

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)


def start(call_id: str, **more: object) -> CallStart:
    facts: dict[str, object] = {
        "leg_kind": "sip", "leg_id": f"leg-{call_id}", "caller": "+4930123456", "called": "1000",
        "persona": "helpful-assistant", "route_why": "1000 matches route 1000", "started": NOON,
    }  # fmt: skip
    return CallStart(call_id, **(facts | more))  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "bot.db"


def test_a_whole_call_reads_back(path: Path) -> None:
    log = CallLog(path)
    log.begin(start("c1", recording="var/c1.wav", direction="out", trunk="acme"))
    log.answered("c1", NOON + timedelta(seconds=1), "PCMA")
    log.mark("c1", 1, "speech_end", 3.2)
    log.mark("c1", 1, "turn_end", 5.7)
    log.turn("c1", 1, utterance_id="u1", caller_text="What time?", stt="w", stt_took_ms=150.04)
    log.turn("c1", 1, reply_text="At eight.", bot_heard="At", interrupted=True)
    log.event("c1", 5700, "state", now="PROCESSING_USER")
    log.end("c1", NOON + timedelta(seconds=9), "caller", {"rtp_lost": 2, "frames_in": 400})
    assert log.close()
    assert log.lost == 0

    detail = queries.find_call(path, "last")
    call, (turn,), (event,) = detail.call, detail.turns, detail.events
    assert (call.id, call.codec, call.recording) == ("c1", "PCMA", "var/c1.wav")
    assert (call.started, call.ended) == ("2026-11-22T12:00:00.123Z", "2026-11-22T12:00:09.123Z")
    assert (call.end_reason, call.rtp_lost, call.frames_in) == ("caller", 2, 400)
    assert call.underruns is None
    assert (call.direction, call.trunk) == ("out", "acme")
    assert (turn.caller_text, turn.reply_text, turn.bot_heard) == ("What time?", "At eight.", "At")
    assert (turn.interrupted, turn.utterance_id, turn.stt_took_ms) == (True, "u1", 150.0)
    assert turn.spans == {"silence": 2500.0}
    assert (event.at_ms, event.kind, event.detail) == (5700, "state", {"now": "PROCESSING_USER"})


def test_turn_columns_merge_and_replace(path: Path) -> None:
    log = CallLog(path)
    log.begin(start("c1"))
    log.turn("c1", 1, caller_text="draft", reply_text="kept")
    log.turn("c1", 1, caller_text="final")
    log.turn("c1", 2, error="groq: no answer within 8 s")
    log.close()
    first, second = queries.find_call(path, "c1").turns
    assert (first.caller_text, first.reply_text) == ("final", "kept")
    assert second.error == "groq: no answer within 8 s"


def test_one_bad_write_costs_only_itself_and_tells_nothing_of_the_caller(path: Path) -> None:
    log = CallLog(path)
    with capture_logs() as logged:
        log.begin(start("c1"))
        log.begin(start("c1", caller="+49secret"))  # the id is taken
        log.turn("nobody", 1, caller_text="secret words")  # no such call
        log.turn("c1", 1, wrong_column="secret")  # type: ignore[call-arg]
        log.end("ghost", NOON, "secret", {})
        log.turn("c1", 2, caller_text="still written")
        log.close()
    assert log.lost == 4
    assert [turn.caller_text for turn in queries.find_call(path, "c1").turns] == ["still written"]
    assert len(logged) == 4
    assert "secret" not in repr(logged)


def test_text_no_database_can_hold_is_mended(path: Path) -> None:
    log = CallLog(path)
    log.begin(start("c1", caller=b"evil\xff".decode("utf-8", "surrogateescape")))
    log.event("c1", 1, "odd", what="\udc80")
    log.close()
    assert log.lost == 0
    detail = queries.find_call(path, "c1")
    assert (detail.call.caller, detail.events[0].detail) == ("evil?", {"what": "?"})


def test_a_locked_database_does_not_hold_the_session_up(path: Path) -> None:
    log = CallLog(path)
    other = open_for_writing(path)
    other.execute("BEGIN EXCLUSIVE")
    before = time.perf_counter()
    log.begin(start("c1"))
    for turn in range(50):
        log.mark("c1", turn, "turn_end", 1.0)
    log.end("c1", NOON, "caller", {})
    took = time.perf_counter() - before
    assert not log.flush(0.1)  # really held up behind the caller's back
    other.rollback()
    assert log.close()
    assert took < 0.05
    assert (log.lost, len(queries.find_call(path, "c1").turns)) == (0, 50)


def test_a_lost_database_is_counted_and_never_raised(path: Path) -> None:
    log = CallLog(path)
    path.unlink()
    path.mkdir()
    log.begin(start("c1"))
    assert log.close()
    log.begin(start("c2"))  # after the end
    assert log.lost == 2


def test_unopenable_place_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/bot\.db.*store\.path"):
        CallLog(tmp_path / "file" / "bot.db")
    (tmp_path / "text.db").write_text("this is no database, it is a longer text than a header" * 40)
    with pytest.raises(StoreError, match="not a database"):
        CallLog(tmp_path / "text.db")


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store.recorder import CallLog, CallStart
log = CallLog(Path(sys.argv[1]))
for n in range(25):
    call = f"{sys.argv[2]}-{n}"
    at = datetime.now(UTC)
    log.begin(CallStart(call, "sip", call, "1", "2", "p", "why", at))
    for turn in range(4):
        log.turn(call, turn, caller_text="words", reply_text="words")
        log.flush()
    log.end(call, at, "caller", {})
log.close(60)
sys.exit(log.lost)
"""


def test_several_processes_make_and_fill_one_database(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"w{n}"]) for n in range(6)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 6
    summed = queries.report(path, None)
    assert (summed.calls, summed.turns, summed.live) == (150, 600, 0)
    db = open_for_writing(path)
    assert db.journal_mode == "wal"
    assert next(db.query("PRAGMA integrity_check"))["integrity_check"] == "ok"


def test_preparing_twice_changes_nothing(path: Path) -> None:
    prepare(path)
    schema = open_for_writing(path).schema
    prepare(path)
    assert open_for_writing(path).schema == schema


def open_ids(path: Path) -> set[str]:
    return {call.id for call in queries.live_calls(path)}


def test_orphans_of_one_worker_are_closed(path: Path) -> None:
    log = CallLog(path)
    log.begin(start("dead", worker_pid=4242))
    log.begin(start("done", worker_pid=4242))
    log.end("done", NOON, "caller", {})
    log.begin(start("alive", worker_pid=4243))
    log.close()
    noticed = NOON + timedelta(seconds=30)
    assert close_orphans(path, 4242, "worker died", noticed) == 1
    assert close_orphans(path, 4242, "worker died", noticed) == 0
    assert open_ids(path) == {"alive"}
    assert queries.find_call(path, "done").call.end_reason == "caller"
    dead = queries.find_call(path, "dead").call
    assert (dead.end_reason, dead.ended) == ("worker died", "2026-11-22T12:00:30.123Z")


def test_start_up_closes_what_no_running_process_carries(path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    now = datetime.now(UTC)
    log = CallLog(path)
    log.begin(start("gone", worker_pid=gone.pid, started=now))
    log.begin(start("running", worker_pid=child.pid, started=now))
    # the number was given to another process after the call had begun
    log.begin(start("reused", worker_pid=child.pid, started=now - timedelta(hours=1)))
    log.close()
    try:
        assert close_orphans(path, None, "bot was restarted", now) == 2
        assert open_ids(path) == {"running"}
    finally:
        child.communicate(b"\n")
