"""`python -m tests.bench`: measure a real bot, print the figures, write var/figures/bench.json."""

from __future__ import annotations

import asyncio
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.bench.calls import four_at_once, one_by_one, own_path
from tests.bench.micro import resample_us, tick_us
from tests.bench.numbers import p50_p95
from tests.bench.script import DIALPLAN, PERSONA, QUESTIONS, SILENCE_MS
from tests.support.audio_path import measure_audio_path
from tests.support.bot_process import ROOT, BotProcess

FIGURES = ROOT / "var" / "figures" / "bench.json"
STARTS = 3  # of each kind; the median is reported
CALLS = 4  # one by one, every question in each
ROUNDS = 6  # questions of each of the four callers at once
T = TypeVar("T")


def main() -> int:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        figures["start_s"] = stage("starts, cold and warm", lambda: starts(Path(folder)))
        bot = bench_bot(Path(folder) / "talk")
        try:
            bot.start()
            figures |= stage(f"{CALLS} calls one by one", lambda: talk(bot))
            figures |= stage("4 calls at once", lambda: crowd(bot, figures))
        except Exception:
            print(bot.printed()[-5000:], file=sys.stderr)
            raise
        finally:
            bot.stop()
    figures["tick_us"] = stage("engine ticks", tick_us)
    figures["resample_us"] = stage("resamplers", resample_us)
    figures["audio_path"] = stage("audio path", audio_path)
    figures["setup"] = setup()
    text = json.dumps({key: figures[key] for key in KEYS}, indent=2)
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(text + "\n")
    print(text)
    print(f"written to {FIGURES.relative_to(ROOT)}", file=sys.stderr)
    return 0


KEYS = (
    "own_path_ms",
    "response_ms",
    "packet_interval_ms",
    "rtp_lost",
    "tick_us",
    "resample_us",
    "cpu_percent_per_call",
    "rss_mb",
    "audio_path",
    "start_s",
    "setup",
)


def stage(name: str, work: Callable[[], T]) -> T:
    """Run one part and tell on stderr how it goes."""
    print(f"bench: {name} …", end=" ", file=sys.stderr, flush=True)
    begun = time.monotonic()
    result = work()
    print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
    return result


def bench_bot(folder: Path) -> BotProcess:
    return BotProcess(folder, personas={"bench": PERSONA}, dialplan=DIALPLAN, cold=True)


def starts(folder: Path) -> dict[str, float]:
    """Seconds from exec to a SIP port that answers: with an empty var/, and again."""
    cold: list[float] = []
    warm: list[float] = []
    for number in range(STARTS):
        bot = bench_bot(folder / f"start{number}")
        for times in (cold, warm):
            try:
                times.append(bot.start())
            finally:
                bot.stop()
    return {
        "cold": round(sorted(cold)[STARTS // 2], 2),
        "warm": round(sorted(warm)[STARTS // 2], 2),
    }


def talk(bot: BotProcess) -> dict[str, Any]:
    """Own path and response of each turn, packets of one call at a time."""
    session = asyncio.run(one_by_one(bot, CALLS))
    own = own_path(bot, session.asked)
    if own.unmatched:
        print(f"({own.unmatched} turns not found in the store)", end=" ", file=sys.stderr)
    return {
        "own_path_ms": {**p50_p95(own.own_ms), "n": len(own.own_ms)},
        "response_ms": p50_p95([each.response_ms for each in session.asked]),
        "packet_interval_ms": {"1": session.intervals()},
        "rtp_lost": session.lost,
    }


def crowd(bot: BotProcess, alone: dict[str, Any]) -> dict[str, Any]:
    """Packets of four calls at once, and what the processes used."""
    load = asyncio.run(four_at_once(bot, ROUNDS))
    return {
        "packet_interval_ms": alone["packet_interval_ms"] | {"4": load.session.intervals()},
        "rtp_lost": alone["rtp_lost"] + load.session.lost,
        "cpu_percent_per_call": load.cpu_percent_per_call,
        "rss_mb": load.rss_mb,
    }


def audio_path() -> dict[str, Any]:
    """8 kHz → bus → 8 kHz through the bot's own legs, see measure_audio_path."""
    measured = measure_audio_path()
    return {key: measured[key] for key in ("level_error_db", "alias_db", "delay_ms")}


def setup() -> dict[str, Any]:
    """What the figures were measured on and with."""
    return {
        "silence_ms": SILENCE_MS,
        "turns_one_by_one": CALLS * len(QUESTIONS),
        "turns_at_once": 4 * ROUNDS,
        "starts": STARTS,
        "codec": "PCMU",
        "speech": "whisper tiny.en, Piper joe, scripted answers",
        "python": platform.python_version(),
        "cores": psutil.cpu_count(),
        "load_1min": round(psutil.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
