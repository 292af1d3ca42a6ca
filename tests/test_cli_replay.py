"""`replay` as an admin runs it: on a made call, and on a real one over SIP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.calls.tape import TapedEngine, make_tape
from bot.cli_replay import replay
from bot.engine.engine import CallEngine
from bot.store.recorder import CallLog, CallStart
from bot.store.tape import flush_tapes, tape_path
from tests.engine.score import Call, World
from tests.support.bot_process import FAST_TURN, ROOT, BotMaker
from tests.support.phone import missing, spoken
from tests.support.records import record_of
from tests.support.wire import WirePhone

CALL_ID = "20261122-210405-abcdef"


class TapedScore(TapedEngine):
    """What a score looks at besides the entry points."""

    state = property(lambda self: self._engine.state)


def record(folder: Path, call_id: str = CALL_ID) -> Path:
    """Two questions, the second answer interrupted, as a live call would leave them."""
    over = ["no stop please"] * 9
    replies = ["We open at nine.", "We are at the corner of the market, on the left side."]
    world = World(
        words=["what time do you open", "where are you"], over_words=over, replies=replies
    )
    call = Call(world, turn={"silence_ms": 700})
    settings = call.engine._settings
    tape = make_tape(tape_path(folder / "recordings", call_id), settings, "webrtc")
    call.engine = TapedScore(CallEngine(settings), tape)
    call.wait(1.5).speak(1.2).wait(2.6).speak(1.0).wait(1.8).speak(1.3).wait(3.0)
    call.engine.finish(call.now)
    assert flush_tapes()
    return tape.path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration and two calls, of which the older one has a tape."""
    (tmp_path / "config.toml").write_text(
        '[store]\npath = "calls.db"\n[recordings]\ndir = "recordings"\n'
    )
    log = CallLog(tmp_path / "calls.db")
    for number, call_id in enumerate((CALL_ID, "20261123-000000-000000")):
        began = datetime(2026, 11, 22 + number, tzinfo=UTC)
        log.begin(CallStart(call_id, "sip", f"l{number}", "+49", "1000", "test", "", began))
    log.close()
    record(tmp_path)
    return tmp_path / "config.toml"


def ask(config: Path, *arguments: object) -> Result:
    runner = CliRunner(env={"COLUMNS": "200"})
    return runner.invoke(replay, [*map(str, arguments), "-c", str(config)])


def test_the_same_call_again(config: Path) -> None:
    result = ask(config, "20261122")
    assert result.exit_code == 0
    ticks, actions = (int(word) for word in result.output.split() if word.isdecimal())
    assert result.output == f"same, {ticks} ticks, {actions} actions\n"
    told = json.loads(ask(config, "20261122", "--json").output)
    assert told["same"] and (told["ticks"], told["actions"]) == (ticks, actions)
    assert told["call"] == "c1" and told["complete"] and told["difference"] is None


def test_a_tape_by_its_path_also_after_a_kill(config: Path) -> None:
    path = tape_path(config.parent / "recordings", CALL_ID)
    assert ask(config, path).output.startswith("same, ")
    path.write_bytes(path.read_bytes()[:-9])
    result = ask(config, path)
    assert result.exit_code == 0 and "the tape ends early" in result.output


def test_a_difference_is_exit_code_1(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine whose rules have changed since: here what counts as a word of parting."""
    monkeypatch.setattr("bot.engine.listener.is_goodbye", lambda text, _: "open" in text)
    result = ask(config, CALL_ID)
    assert result.exit_code == 1
    first, then, *rest = result.output.splitlines()
    assert first.startswith("differs at tick 18") and ", turn 1, in step" in first
    assert then.startswith("  then  {'is': 'NoteState'") and "PROCESSING_USER" in then
    assert any(line.startswith("  now ") for line in rest)
    told = json.loads(ask(config, CALL_ID, "--json").output)
    assert not told["same"] and told["difference"]["turn"] == 1


def test_another_setting_tells_which_turns_would_differ(config: Path) -> None:
    result = ask(config, CALL_ID, "--set", "turn.silence_ms=500")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split()[:3] == ["turn", "end", "s"]
    then = next(line.split() for line in lines if " then " in line)
    now = next(line.split() for line in lines if " now " in line)
    assert float(then[2]) - float(now[2]) == pytest.approx(0.2, abs=0.021)
    assert int(then[3]) - int(now[3]) == pytest.approx(200, abs=21)
    assert "what time do you open" in result.output and "We open at nine." in result.output
    assert "turns differ, 0 on a guess; median wait" in lines[-1]
    assert lines[-1].endswith("interruptions 1 → 1")


def test_json_of_another_setting_holds_every_documented_key(config: Path) -> None:
    result = ask(config, CALL_ID, "--set", "turn.silence_ms=500", "--json")
    told = json.loads(result.output)
    assert [turn["verdict"] for turn in told["turns"]][:2] == ["same", "differs"]
    assert told["turns"][1]["changed"] == ["end", "start"]
    assert told["sum"]["differ"] >= 2 and told["sum"]["interruptions"] == {"then": 1, "now": 1}
    help_text = " ".join(ask(config, "--help").output.split())
    keys = {*told, *told["sum"], *told["turns"][1], *told["turns"][1]["now"]}
    keys |= {*told["differs_from"], *json.loads(ask(config, CALL_ID, "--json").output)}
    assert [key for key in sorted(keys) if key not in help_text] == []


def test_the_score_of_an_interview_then_and_now(config: Path) -> None:
    """The second answer touches an idea; were the bank another one, it would not."""
    path = tape_path(config.parent / "recordings", "interview")
    bank = [{"ask": "What is a lock good for?", "expect": ["waiting", "one at a time"]}]
    world = World(words=["So that people wait."], replies=[bank[0]["ask"], "Thank you."])
    call = Call(world, turn={"silence_ms": 700}, flow="interview", questions=bank)
    settings = call.engine._settings
    call.engine = TapedScore(call.engine, make_tape(path, settings, "webrtc"))
    call.until(lambda: len(world.replies) == 1).until(call.speaking).until(call.listening)
    call.speak(1.0).until(call.speaking).until(call.listening)
    call.engine.finish(call.now)
    assert flush_tapes()
    arguments = (path, "--set", "turn.silence_ms=900")
    assert ask(config, *arguments).output.rstrip().endswith("; interview points 1 of 2 → 1 of 2")
    told = json.loads(ask(config, *arguments, "--json").output)["sum"]
    assert told["score"] == {key: {"points": 1, "expected": 2} for key in ("then", "now")}
    other = json.loads(ask(config, path, "--set", "flow=assistant", "--json").output)["sum"]
    assert other["score"] == {"then": {"points": 1, "expected": 2}, "now": None}
    assert ask(config, path).output.startswith("same, ")


def test_another_persona_takes_the_call(config: Path) -> None:
    file = ROOT / "personas" / "domain-expert.toml"
    told = json.loads(ask(config, CALL_ID, "--persona", file, "--json").output)
    assert told["turns"][0]["now"]["reply"] != told["turns"][0]["then"]["reply"]
    assert told["guess_from"]["turn"] == 0, "nobody recorded this greeting"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["last"], "The call 20261123-000000-000000 has no tape. Set call.record_inputs = true"),
        (["nobody"], "No call's id begins with 'nobody'."),
        (["none.tape"], "none.tape: cannot be read (No such file or directory)."),
        (["config.toml"], "No call's id begins with 'config.toml'."),
        ([CALL_ID, "--set", "turn.silence_ms=x"], "--set: turn.silence_ms: is 'x'. It must be a"),
        ([CALL_ID, "--set", "turns=1"], 'turns: is no key known here. Did you mean "turn"?'),
        ([CALL_ID, "--persona", "no.toml"], "no.toml: is not there. Create it or name another."),
    ],
)
def test_what_an_admin_can_mend_is_one_line(config: Path, arguments: list[str], error: str) -> None:
    result = ask(config, *arguments)
    assert result.exit_code == 2
    assert error in result.output and "Traceback" not in result.output


async def test_a_real_call_replays_byte_for_byte(make_bot: BotMaker) -> None:
    fixed = {"turn": FAST_TURN["turn"] | {"end": "fixed"}}  # its wait is known beforehand
    bot = make_bot(config={"call": {"record_inputs": True}}, persona=fixed)
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        await call.quiet(0.8)
        await call.say(spoken("Where is the practice and how do I get there?"))
        ended = call.rtp.last_speech_sent()
        assert ended is not None
        await call.reply(after=ended)
        await call.say(spoken("No, wait, stop please."))
        await call.quiet(1.0)
        await call.hang_up()
    row = record_of(bot, call.call_id)

    def run(*options: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "bot", "replay", "last", "--json", *options],
            cwd=bot.folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    told = run()
    assert told["same"] and told["complete"] and told["call"] == row["id"]
    seconds = told["ticks"] / 50
    size = Path(told["tape"]).stat().st_size
    print(
        f"{seconds:.1f} s, {told['actions']} actions, {size / seconds * 60 / 1e6:.2f} MB a minute"
    )
    assert size / seconds * 60 < 5e6
    assert Path(told["tape"]).parent == Path(row["recording"]).parent

    other = run("--set", "turn.silence_ms=900")
    asked = [turn for turn in other["turns"] if turn["then"] and turn["then"]["caller"]]
    assert missing(asked[0]["then"]["caller"], ["get there"]) == []
    assert asked[0]["now"]["wait_ms"] - asked[0]["then"]["wait_ms"] == pytest.approx(200, abs=21)
    assert asked[0]["now"]["caller"] == asked[0]["then"]["caller"]
