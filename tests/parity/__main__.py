"""The same calls through every door: `python -m tests.parity`, or `make parity`.

Each scenario is called through SIP with G.711, SIP with G.722 and WebRTC, one after the other, by
the same caller. What the bot decided is read from its record; the table shows where doors differ.
Figures go to var/figures/parity.json.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.parity.caller import call
from tests.parity.conductor import voices
from tests.parity.scenarios import SCENARIOS
from tests.support.bot_process import BotProcess
from tests.support.ports import free_port

FIGURES = Path("var/figures/parity.json")
DOORS = {"SIP G.711": "PCMU", "SIP G.722": "G722", "WebRTC": "opus"}
FIXED = {"turn": {"end": "fixed", "silence_ms": 700}}  # patience by codec is no parity
RECORD_S = 3.0  # for the record to be closed


@dataclass
class Outcome:
    """One call's."""

    decisions: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # by the caller, as understood
    latencies_ms: list[float] = field(default_factory=list)
    ended: str = ""
    not_done: list[str] = field(default_factory=list)


def outcome(bot: BotProcess, before: set[str], not_done: list[str]) -> Outcome:
    """What the record says of the newest call, once it is closed."""
    deadline = time.monotonic() + RECORD_S
    while True:
        rows = bot.rows("SELECT * FROM calls WHERE ended IS NOT NULL")
        new = [row for row in rows if row["id"] not in before]
        if new:
            break
        assert time.monotonic() < deadline, "the call was not recorded"
        time.sleep(0.05)
    (record,) = new
    before.add(record["id"])
    events = bot.rows(
        "SELECT * FROM events WHERE call_id = ? AND kind = 'decision' ORDER BY id", record["id"]
    )
    turns = bot.rows("SELECT * FROM turns WHERE call_id = ? ORDER BY turn", record["id"])
    details = [json.loads(each["detail"]) for each in events]
    told = [f"{each['turn']} {each['what']}" for each in details]
    return Outcome(
        # how often an interruption is looked at before it is decided is no decision
        decisions=[each for each, _ in itertools.groupby(told)]
        + [f"{turn['turn']} cut" for turn in turns if turn["interrupted"]],
        said=[turn["caller_text"] for turn in turns if turn["caller_text"]],
        latencies_ms=[
            turn["first_audio_out_ms"] - turn["speech_end_ms"]
            for turn in turns
            if turn["first_audio_out_ms"] and turn["speech_end_ms"]
        ],
        ended=record["end_reason"],
        not_done=not_done,
    )


def run(scenarios: list[str], console: Console) -> dict[str, dict[str, Outcome]]:
    """Every scenario through every door."""
    found: dict[str, dict[str, Outcome]] = {}
    spawn = multiprocessing.get_context("spawn")
    spoken = {name: voices(SCENARIOS[name]) for name in scenarios}
    with tempfile.TemporaryDirectory() as folder:
        web = f"127.0.0.1:{free_port()}"
        limits = {"bind": web, "calls_per_minute": 1000}
        bot = BotProcess(Path(folder), persona=FIXED, config={"web": limits})
        bot.start()
        bot.until_printed("Talk:")
        address = "{}:{}".format(*bot.sip)
        seen: set[str] = set()
        try:
            todo = [(name, door) for name in scenarios for door in DOORS]
            # one call more at first: it meets a bot that still speaks its phrases into the cache
            for name, door in track([todo[0], *todo], "calling", console=console):
                results = spawn.Queue()
                score = list(SCENARIOS[name])
                work = (DOORS[door], address, f"http://{web}", score, spoken[name], results)
                caller = spawn.Process(target=call, args=work)
                caller.start()
                not_done = results.get(timeout=120)
                caller.join()
                found.setdefault(name, {})[door] = outcome(bot, seen, not_done)
        finally:
            bot.stop()
    return found


def spread_ms(found: dict[str, dict[str, Outcome]]) -> dict[str, float]:
    """How far each door's median latency is from the mean of all doors."""
    medians = {
        door: statistics.median(
            [ms for doors in found.values() for ms in doors[door].latencies_ms] or [0.0]
        )
        for door in DOORS
    }
    mean = statistics.mean(medians.values())
    return {door: round(median - mean, 1) for door, median in medians.items()}


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Call through every door; NAMES pick scenarios."""
    console = Console(stderr=True)
    found = run(list(names) or list(SCENARIOS), console)
    table = Table("scenario", "same", *DOORS, "decisions")
    different = []
    for name, doors in found.items():
        first = next(iter(doors.values()))
        same = all(
            (each.decisions, each.ended) == (first.decisions, first.ended)
            for each in doors.values()
        )
        if not same:
            different.append(name)
        ms = [", ".join(f"{ms:.0f}" for ms in each.latencies_ms) for each in doors.values()]
        told = "; ".join(first.decisions) if same else "\n".join(
            f"{door}: {'; '.join(each.decisions)} ({each.ended})" for door, each in doors.items()
        )  # fmt: skip
        table.add_row(name, "yes" if same else "NO", *ms, told)
    Console(width=160).print(table)
    offsets = spread_ms(found)
    figures = {
        "scenarios": len(found),
        "different": different,
        "latency_spread_ms": max(abs(ms) for ms in offsets.values()),
        "offset_of_the_mean_ms": offsets,
        "calls": {name: {d: asdict(o) for d, o in doors.items()} for name, doors in found.items()},
    }
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({key: figures[key] for key in list(figures)[:4]}))


if __name__ == "__main__":
    sys.exit(main())
