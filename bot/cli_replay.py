"""`replay`: a recorded call again, as it was or under other settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from bot.calls.replay.exact import Difference, Replayed
from bot.calls.replay.exact import replay as replay_exactly
from bot.calls.replay.settings import changed_settings, fresh_engine
from bot.calls.replay.turns import Pair, TurnTold, compare, median_wait_ms
from bot.calls.replay.what_if import Moment, Story, story_of, what_if
from bot.calls.scoring import points_of
from bot.calls.tape import Recorded, read_tape
from bot.cli_options import config_option, json_option
from bot.cli_records import asked
from bot.cli_text import console, ms, plain, print_json
from bot.config import load_config
from bot.errors import StoreError
from bot.persona import Persona, load_persona
from bot.store import queries
from bot.store.tape import SUFFIX, tape_path

SHOWN = 3  # actions of a difference


@click.command()
@click.argument("call")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a persona key.")
@click.option(
    "--persona",
    "persona_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Let this persona file take the call.",
)
@config_option
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    call: str,
    changes: Sequence[str],
    persona_path: Path | None,
    config_path: Path,
    as_json: bool,
) -> None:
    """Replay a CALL: an id, the beginning of an id, "last", or a tape's path.

    Calls have a tape when the configuration says `call.record_inputs = true`. Alone, it feeds the
    tape to a fresh engine and tells whether that decides the same, byte for byte: exit code 0, or
    1 and the first difference. With --set or --persona it tells which turns would differ; keys are
    those of a persona file, limits.dead_air_s and limits.max_call_s.

    With --json an object: call, tape (its path), bot (the version that recorded it), complete
    (false when the bot was killed). Alone also: same, ticks, actions and difference (null, or
    tick, at, turn, entry_point, then, now). With --set or --persona also: differs_from and
    guess_from (null, or tick, at, turn, why), turns (verdict same, differs, gone or new; changed;
    guess; then and now: null, or turn, speech_end, ended_at, first_audio_at, wait_ms, caller,
    reply, heard, interrupted, outcome) and sum (turns, differ, guesses, and of then and now
    median_wait_ms, interruptions and score: null, or points and expected of an interview).

    \b
    python -m bot replay last
    python -m bot replay last --set turn.silence_ms=900 --set barge_in.behaviour=aggressive
    """
    tape = asked(lambda: read_tape(find_tape(config_path, call)))
    told = {
        "call": tape.settings["call_id"],
        "tape": str(tape.path),
        "bot": tape.bot,
        "complete": tape.complete,
    }
    if not changes and persona_path is None:
        replayed = replay_exactly(tape, asked(lambda: fresh_engine(tape)))
        if as_json:
            print_json(told | replayed_json(replayed))
        else:
            print_replayed(tape, replayed)
        ctx.exit(0 if replayed.difference is None else 1)
    persona = asked(lambda: load_persona(persona_path, None)) if persona_path else None
    then, now = story_of(tape), what_if(tape, asked(lambda: fresh_engine(tape, persona, changes)))
    pairs = compare(then, now)
    score = {
        "then": score_of(then, changed_settings(tape).persona),
        "now": score_of(now, changed_settings(tape, persona, changes).persona),
    }
    if as_json:
        print_json(told | what_if_json(now, pairs, score))
    else:
        print_what_if(tape, now, pairs, score)


def find_tape(config_path: Path, call: str) -> Path:
    """The tape of a call. Raises StoreError when there is none."""
    if call.endswith(SUFFIX):
        return Path(call)
    config = load_config(config_path)
    call_id = queries.find_call(config.store.path, call).call.id
    path = tape_path(config.recordings.dir, call_id)
    if not path.exists():
        raise StoreError(
            f"The call {call_id} has no tape. Set call.record_inputs = true and call again."
        )
    return path


# ---- the same call again


def replayed_json(replayed: Replayed) -> dict[str, Any]:
    return {"same": replayed.difference is None} | asdict(replayed)


def print_replayed(tape: Recorded, replayed: Replayed) -> None:
    out = console()
    if replayed.difference is None:
        out.print(f"same, {replayed.ticks} ticks, {replayed.actions} actions")
    else:
        print_difference(replayed.difference)
    print_about(tape)


def print_difference(found: Difference) -> None:
    out = console()
    out.print(
        f"differs at tick {found.tick}, {found.at:.2f} s, turn {found.turn}, in {found.entry_point}"
    )
    if found.then == found.now:
        out.print("  the same actions, but other sound went out")
        return
    for name, actions in (("then", found.then), ("now", found.now)):
        for action in actions[:SHOWN] or ["nothing"]:
            out.print(plain(f"  {name:4}  {action}"), soft_wrap=True)


def print_about(tape: Recorded) -> None:
    from bot import __version__

    out = console()
    if tape.bot != __version__:
        out.print(f"recorded by version {tape.bot}, replayed by {__version__}")
    if not tape.complete:
        out.print("the tape ends early: the bot was killed or its disk was full")


# ---- under other settings


Score = dict[str, int] | None  # of an interview


def score_of(story: Story, persona: Persona) -> Score:
    found = points_of(persona, (action for _, action in story.did))
    return found and dict(zip(("points", "expected"), found, strict=True))


def what_if_json(story: Story, pairs: Sequence[Pair], score: dict[str, Score]) -> dict[str, Any]:
    return {
        "differs_from": moment_json(story.differs_from),
        "guess_from": moment_json(story.guess_from),
        "turns": [
            {
                "verdict": pair.verdict,
                "changed": list(pair.changed),
                "guess": pair.guess,
                "then": turn_json(pair.then),
                "now": turn_json(pair.now),
            }
            for pair in pairs
        ],
        "sum": summed(pairs) | {"score": score},
    }


def moment_json(moment: Moment | None) -> dict[str, Any] | None:
    return None if moment is None else asdict(moment)


def turn_json(told: TurnTold | None) -> dict[str, Any] | None:
    if told is None:
        return None
    names = ("turn", "speech_end", "ended_at", "first_audio_at", "wait_ms", "caller", "reply",
             "heard", "interrupted", "outcome")  # fmt: skip
    return {name: getattr(told, name) for name in names}


def summed(pairs: Sequence[Pair]) -> dict[str, Any]:
    then, now = [pair.then for pair in pairs], [pair.now for pair in pairs]
    return {
        "turns": len(pairs),
        "differ": sum(pair.verdict != "same" for pair in pairs),
        "guesses": sum(pair.guess for pair in pairs),
        "median_wait_ms": {"then": median_wait_ms(then), "now": median_wait_ms(now)},
        "interruptions": {"then": interruptions(then), "now": interruptions(now)},
    }


def interruptions(turns: Sequence[TurnTold | None]) -> int:
    return sum(each is not None and each.interrupted for each in turns)


def print_what_if(
    tape: Recorded, story: Story, pairs: Sequence[Pair], score: dict[str, Score]
) -> None:
    out = console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("turn", justify="right")
    table.add_column("")
    table.add_column("end s", justify="right")
    table.add_column("wait ms", justify="right")
    for title in ("caller", "heard of the reply", "interruption", "verdict"):
        table.add_column(title)
    for pair in pairs:
        add_rows(table, pair)
    out.print(table)
    out.print()
    out.print(sum_line(pairs) + score_line(score))
    if story.guess_from is not None:
        out.print(
            f"from {story.guess_from.at:.2f} s, turn {story.guess_from.turn}, on a guess: "
            f"{story.guess_from.why}"
        )
    print_about(tape)


def add_rows(table: Table, pair: Pair) -> None:
    verdict = pair.verdict + (f": {', '.join(pair.changed)}" if pair.changed else "")
    if pair.guess:
        verdict += " (a guess)"
    if pair.verdict == "same" and pair.now is not None:
        table.add_row(*cells(pair.now, ""), verdict, style="dim")
        return
    if pair.then is not None:
        table.add_row(*cells(pair.then, "then"), "" if pair.now is not None else verdict)
    if pair.now is not None:
        table.add_row(*cells(pair.now, "now"), verdict)


def cells(told: TurnTold, which: str) -> list[Any]:
    end = "–" if told.ended_at is None else f"{told.ended_at:.2f}"
    words = (told.caller, told.heard, told.outcome)
    return [str(told.turn), which, end, ms(told.wait_ms), *(plain(each) for each in words)]


def sum_line(pairs: Sequence[Pair]) -> str:
    total = summed(pairs)
    wait, cut = total["median_wait_ms"], total["interruptions"]
    return (
        f"{total['differ']} of {total['turns']} turns differ, {total['guesses']} on a guess; "
        f"median wait {ms(wait['then'])} → {ms(wait['now'])} ms; "
        f"interruptions {cut['then']} → {cut['now']}"
    )


def score_line(score: dict[str, Score]) -> str:
    """What the interview brought, then → now; nothing for a call that was none."""
    if not any(score.values()):
        return ""
    shown = [
        "–" if each is None else f"{each['points']} of {each['expected']}"
        for each in (score["then"], score["now"])
    ]
    return f"; interview points {' → '.join(shown)}"
