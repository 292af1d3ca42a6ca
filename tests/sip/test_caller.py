"""The caller in the box calls a real bot, as a newcomer would."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.bot_process import BotMaker, BotProcess
from tests.support.phone import missing, read_wav, transcript
from tests.support.ports import free_port

QUESTION = "What time do you open tomorrow?"
ROOT = Path(__file__).resolve().parents[2]
MARKS = ("speech_end", "turn_end", "stt_done", "llm_first", "tts_first", "first_audio_out")
# The caller's ear is a level, the bot's a speech detector that holds on for up to three frames.
LEDGER_MS = 60.0


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )


def call(bot: BotProcess, number: str, *options: object) -> dict[str, Any]:
    host, port = bot.sip
    done = command("call", f"sip:{number}@{host}:{port}", *options, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def last_shown(bot: BotProcess) -> dict[str, Any]:
    done = command("show", "last", "--json", "-c", bot.folder / "config.toml")
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_a_newcomer_hears_the_opening_hours(bot: BotProcess, tmp_path: Path) -> None:
    told = call(bot, "1000", "--say", QUESTION, "--save", tmp_path / "heard.wav")
    greeting, (said,) = told["greeting"], told["exchanges"]
    assert greeting["heard_from_s"] < 1.0
    assert missing(greeting["heard"], ["clinic", "how can I help you"]) == [], greeting
    assert greeting["heard_until_s"] < said["spoke_from_s"]
    assert missing(said["heard"], ["Monday to Friday", "close at six", "nine to noon"]) == [], said
    assert told["rtp"]["lost"] == 0 and told["rtp"]["received"] == pytest.approx(
        told["lasted_s"] * 50, rel=0.02
    )
    assert told["ended_by"] == "us" and told["not_said"] == []

    heard, rate_hz = read_wav(tmp_path / "heard.wav")
    assert rate_hz == 48_000 and len(heard) / rate_hz == pytest.approx(told["lasted_s"], abs=0.1)
    assert np.abs(heard[: rate_hz * 2]).max() > 3000, "the greeting is in it"
    assert missing(transcript(heard, rate_hz), ["clinic", "eight"]) == []

    (turn,) = [each for each in last_shown(bot)["turns"] if each["caller_text"]]
    ledger = [turn[f"{mark}_ms"] for mark in MARKS]
    assert None not in ledger and ledger == sorted(ledger), turn
    assert missing(turn["caller_text"], ["open tomorrow"]) == [] and not turn["interrupted"]
    measured_ms = said["reply_after_s"] * 1000
    print(f"reply after {measured_ms:.0f} ms here, {turn['spans']['response']:.0f} ms in the store")
    assert measured_ms == pytest.approx(turn["spans"]["response"], abs=LEDGER_MS)


def test_interrupting_from_the_command_line(bot: BotProcess) -> None:
    told = call(
        bot, "1000", "--say", "What are your opening hours?", "--say", "No, wait, stop please.",
        "--interrupt-after", 1.5,
    )  # fmt: skip
    reply, over = told["exchanges"]
    assert over["interrupted"] and not reply["interrupted"]
    assert over["spoke_from_s"] - reply["heard_from_s"] == pytest.approx(1.5, abs=0.5)
    print(f"fell silent {over['silent_after_s'] * 1000:.0f} ms after our first word")
    assert over["silent_after_s"] < 1.0
    assert missing(reply["heard"], ["Sunday"]), "the reply was heard to its end"
    assert any(turn["interrupted"] for turn in last_shown(bot)["turns"])


def test_refused_and_unanswered_calls_are_one_line(switchboard: BotProcess) -> None:
    host, port = switchboard.sip
    unknown = command("call", f"sip:999@{host}:{port}")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.strip() == (
        f"bot: sip:999@{host}:{port} does not know that number (404 Not Found)"
    )
    rings = command("call", f"1003@{host}:{port}", "--ring", "1")
    assert (rings.returncode, rings.stdout) == (2, "")
    assert rings.stderr.strip() == "bot: no answer within 1 s"


def test_a_bot_at_every_address_is_heard_on_its_own_machine(make_bot: BotMaker) -> None:
    """The README's first call: the bot tells the machine's address, its packets come from
    127.0.0.1."""
    port = free_port()
    make_bot(config={"sip": {"bind": f"0.0.0.0:{port}"}})
    done = command("call", f"sip:1000@127.0.0.1:{port}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rtp"]["received"] > 50, done.stdout
