"""`calls`, `show` and `report` as an admin runs them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot import cli_messages, cli_records
from bot.store.detours import PROVIDER
from bot.store.messages import TOOL
from bot.store.recorder import AnswerScore, CallLog, CallStart
from bot.store.schema import MARKS

NOW = datetime.now(UTC)
COMMANDS = {
    "calls": cli_records.calls, "show": cli_records.show, "report": cli_records.report,
    "messages": cli_messages.messages,
}  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A configuration whose database was never made."""
    (tmp_path / "config.toml").write_text('[store]\npath = "calls.db"\n')
    return tmp_path / "config.toml"


@pytest.fixture
def config(empty: Path) -> Path:
    """One finished call of a week ago with two turns, one live call."""
    log = CallLog(empty.parent / "calls.db")
    began = NOW - timedelta(days=7)
    log.begin(
        CallStart("abc1", "sip", "l1", "+4930[red]1\x1b[2J", "1000", "clinic", "a route", began)
    )
    log.answered("abc1", began, "PCMU")
    log.mark("abc1", 0, "tts_first", 0.01)
    log.mark("abc1", 0, "first_audio_out", 0.04)
    log.turn("abc1", 0, reply_text="Hello.", bot_heard="Hello.")
    for mark, at in zip(MARKS, (3.0, 5.5, 5.65, 5.66, 5.75, 5.77), strict=True):
        log.mark("abc1", 1, mark, at)
    log.turn(
        "abc1", 1, caller_text="When do you open?", reply_text="At eight. Bye.",
        bot_heard="At eight.", interrupted=True,
    )  # fmt: skip
    log.end("abc1", began + timedelta(seconds=75), "caller", {"rtp_received": 500, "rtp_lost": 3})
    log.begin(CallStart("def2", "sip", "l2", "", "1001", "", "no route", NOW))
    log.close()
    return empty


def ask(command: str, *arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(
        COMMANDS[command], [str(argument) for argument in arguments]
    )


def test_calls_reads_well(config: Path) -> None:
    result = ask("calls", "-c", config)
    assert result.exit_code == 0
    header, live, done = result.output.splitlines()
    assert header.split()[:3] == ["id", "started", "caller"]
    assert "withheld" in live and "not answered" in live and live.rstrip().endswith("live")
    assert "1:15" in done and "2770" in done and done.rstrip().endswith("caller")


def test_nothing_a_caller_sends_steers_the_terminal(config: Path) -> None:
    for result in (ask("calls", "-c", config), ask("show", "abc", "-c", config)):
        assert "\x1b" not in result.output
        assert "+4930[red]1" in result.output


def test_calls_json_holds_every_documented_key(config: Path) -> None:
    result = ask("calls", "-c", config, "--json", "-n", 1)
    (call,) = json.loads(result.output)
    assert (call["id"], call["ended"], call["response_p50_ms"]) == ("def2", None, None)
    help_text = " ".join(ask("calls", "--help").output.split())
    assert [key for key in call if key not in help_text] == []


def test_show_tells_words_and_ledger(config: Path) -> None:
    output = ask("show", "abc", "-c", config).output
    assert "When do you open?" in output
    assert "heard: At eight." in output
    assert "first audio 40 ms after the answer" in output
    assert "2770 ms = 2500 silence + 150 stt + 10 llm + 90 tts + 20 out" in output
    assert "3 of 500 packets" in output


def test_show_tells_who_worked_and_who_failed(config: Path) -> None:
    log = CallLog(config.parent / "calls.db")
    log.turn("abc1", 0, tts="cache")
    log.turn("abc1", 1, stt="local", llm="groq", tts="groq")
    log.event(
        "abc1", 5600.0, PROVIDER, turn=1, what="stt", answered="local",
        after=[{"provider": "groq", "code": "429"}],
    )  # fmt: skip
    log.close()
    first, second = ask("show", "abc1", "-c", config).output.split("turn 1")
    assert "tts cache" in first and "stt" not in first
    assert "stt local, llm groq, tts groq" in second
    assert "stt answered by local after groq 429" in second and "answered" not in first


def test_show_json_holds_every_documented_key(config: Path) -> None:
    shown = json.loads(ask("show", "abc1", "-c", config, "--json").output)
    assert list(shown) == ["call", "turns", "events", "interview", "messages"]
    assert shown["interview"] is None
    assert shown["turns"][1]["spans"]["response"] == 2770.0
    assert shown["turns"][1]["interrupted"] is True
    help_text = " ".join(ask("show", "--help").output.split())
    assert [key for key in shown["turns"][0] if key not in help_text] == []


def messages(config: Path) -> Path:
    """A message was taken in the second turn of the old call, and one in the live one."""
    log = CallLog(config.parent / "calls.db")
    used = {"turn": 1, "name": "take_message", "arguments": "{}", "result": "noted", "why": ""}
    log.event("abc1", 6000.0, TOOL, took_ms=1.25, **used)
    log.event("abc1", 6100.0, TOOL, took_ms=80, **used | {"name": "order", "why": "503"})
    old = NOW - timedelta(days=7)
    log.message("abc1", old, 1, text="Buy [b]milk\x1b[2J.", name="Ada", number="+4930123")
    log.message("def2", NOW, 3, text="Call me.", name="", number="")
    log.close()
    return config


def test_messages_are_listed_newest_first(config: Path) -> None:
    output = ask("messages", "-c", messages(config)).output
    first, second = output.index("Call me."), output.index("Buy [b]milk")
    assert first < second and "\x1b" not in output
    assert "unknown, no number  def2" in output and "Ada, +4930123  abc1" in output
    assert "Buy" not in ask("messages", "-c", config, "-n", 1).output


def test_messages_json_holds_every_documented_key(config: Path) -> None:
    found = json.loads(ask("messages", "-c", messages(config), "--json").output)
    assert [each["call_id"] for each in found] == ["def2", "abc1"]
    help_text = " ".join(ask("messages", "--help").output.split())
    assert [key for key in found[0] if key not in help_text] == []


def test_no_message_yet(config: Path) -> None:
    assert ask("messages", "-c", config).output == "Nobody has left a message yet.\n"


def test_show_tells_what_was_done_in_a_turn(config: Path) -> None:
    output = ask("show", "abc1", "-c", messages(config)).output
    assert "take_message worked in 1 ms" in output and "order failed (503) in 80 ms" in output
    assert "Buy [b]milk" in output


def interview(config: Path) -> Path:
    """The newest call becomes an interview: a hint, a question without points, one not put."""
    log = CallLog(config.parent / "calls.db")
    log.answer("def2", AnswerScore(1, "What is a [b]lock\x1b[2J?", 2, ("waiting",), asked=True))
    log.answer("def2", AnswerScore(2, "A tree?", 3, ("depth", "size"), asked=True, hinted=True))
    log.answer("def2", AnswerScore(3, "What do you read?", 0, asked=True))
    log.answer("def2", AnswerScore(4, "Why?", 1))
    log.close()
    return config


def test_show_tells_an_interviews_score_question_by_question(config: Path) -> None:
    output = ask("show", "def2", "-c", interview(config)).output
    assert "interview  3 of 5 points, 3 of 4 questions asked, 1 hint\n" in output
    lines = [line.split() for line in output.splitlines()]
    lock, tree, read, why = (next(each for each in lines if each[:1] == [n]) for n in "1234")
    assert lock[:4] == ["1", "1", "of", "2"] and lock[-1] == "waiting" and "[b]lock" in lock[-2]
    assert tree[:5] == ["2", "2", "of", "3", "hint"] and tree[-2:] == ["depth,", "size"]
    assert read[:3] == ["3", "no", "points"] and why[:3] == ["4", "not", "asked"]
    assert "\x1b" not in output


def test_json_of_an_interview_holds_every_documented_key(config: Path) -> None:
    told = json.loads(ask("show", "def2", "-c", interview(config), "--json").output)["interview"]
    assert (told["points"], told["expected"], told["asked"], told["questions"]) == (3, 5, 3, 4)
    assert told["answers"][1]["touched"] == ["depth", "size"]
    help_text = " ".join(ask("show", "--help").output.split())
    assert [key for key in (*told, *told["answers"][0]) if key not in help_text] == []


def test_report_sums_up_the_interviews(config: Path) -> None:
    assert "interview" not in ask("report", "-c", config).output
    output = ask("report", "-c", interview(config)).output
    assert "1 interview: 3 of 5 points, 3 questions asked, 1 hint" in output
    summed = json.loads(ask("report", "-c", config, "--json").output)["interviews"]
    assert summed == {"calls": 1, "points": 3, "expected": 5, "asked": 3, "hints": 1}


def detoured(config: Path) -> Path:
    """The old call's turn 1: Groq refused twice, the voice was left alone, nobody thought."""
    log = CallLog(config.parent / "calls.db")
    for at_ms, what, answered, after in (
        (5700.0, "tts", "local", ["groq circuit open"]),
        (5600.0, "stt", "local", ["groq 429", "groq 429"]),
        (5710.0, "tts", "local", ["groq circuit open"]),
        (5650.0, "llm", "", ["groq timeout"]),
    ):
        misses = [
            dict(zip(("provider", "code"), each.split(" ", 1), strict=True)) for each in after
        ]
        log.event("abc1", at_ms, PROVIDER, turn=1, what=what, answered=answered, after=misses)
    log.close()
    return config


def test_show_tells_who_answered_after_whom(config: Path) -> None:
    output = ask("show", "abc1", "-c", detoured(config)).output
    lines = [line.strip() for line in output.splitlines() if line.strip().startswith("provider")]
    told = [line.removeprefix("provider").strip() for line in lines]
    assert told == [
        "stt answered by local after groq 429, groq 429",
        "llm answered by nobody after groq timeout",
        "tts answered by local after groq circuit open",
    ]
    events = json.loads(ask("show", "abc1", "-c", config, "--json").output)["events"]
    assert [each["kind"] for each in events] == [PROVIDER] * 4
    help_text = " ".join(ask("show", "--help").output.split())
    assert [key for key in events[0]["detail"] if key not in help_text] == []


def test_report_counts_the_failures_of_each_provider(config: Path) -> None:
    assert "failed" not in ask("report", "-c", config).output
    output = ask("report", "-c", detoured(config)).output
    assert "llm groq failed: 1 × timeout\nstt groq failed: 2 × 429\n" in output
    assert json.loads(ask("report", "-c", config, "--json").output)["failures"] == {
        "llm groq": {"timeout": 1}, "stt groq": {"429": 2}, "tts groq": {"circuit open": 2},
    }  # fmt: skip
    assert (
        json.loads(ask("report", "-c", config, "--json", "--since", "1h").output)["failures"] == {}
    )


def test_show_last_is_the_newest(config: Path) -> None:
    assert json.loads(ask("show", "last", "-c", config, "--json").output)["call"]["id"] == "def2"


def test_report_reads_well(config: Path) -> None:
    output = ask("report", "-c", config).output
    assert "2 calls (1 live), 2 turns, 1 interruptions" in output
    assert "1  caller" in output
    assert "whole response" in output and "2770" in output


@pytest.mark.parametrize(
    ("since", "calls"),
    [("8d", 2), ("1h", 1), (f"{NOW - timedelta(days=1):%Y-%m-%d}", 1), ("2020-01-01", 2)],
)
def test_report_since(config: Path, since: str, calls: int) -> None:
    summed = json.loads(ask("report", "-c", config, "--json", "--since", since).output)
    assert summed["calls"] == calls
    assert list(summed["spans"]) == ["silence", "stt", "llm", "tts", "out", "response"]


@pytest.mark.parametrize("since", ["yesterdayish", "99999999999d", "0000-01-01"])
def test_a_moment_nobody_understands_is_refused(config: Path, since: str) -> None:
    result = ask("report", "-c", config, "--since", since)
    assert result.exit_code == 2
    assert since in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("calls",), "no database yet"), (("show", "x"), "no data"), (("report",), "store.path")],
)
def test_no_database_is_told_with_exit_2(
    empty: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = ask(*arguments, "-c", empty)
    assert result.exit_code == 2
    assert message in result.output
    assert not (empty.parent / "calls.db").exists()


def test_no_such_call_is_told_with_exit_2(config: Path) -> None:
    result = ask("show", "nope", "-c", config)
    assert result.exit_code == 2
    assert "nope" in result.output


def test_no_configuration_is_told_with_exit_2(tmp_path: Path) -> None:
    result = ask("calls", "-c", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "none.toml" in result.output
