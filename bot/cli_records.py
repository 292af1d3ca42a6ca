"""`calls`, `show` and `report`: the call record on the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli_interview import interviews_line, print_interview
from bot.cli_options import config_option, json_option
from bot.cli_text import console, ms, plain, print_json
from bot.config import load_config
from bot.errors import BotError
from bot.store import queries
from bot.store.messages import TOOL, tools_used
from bot.store.queries import Call, CallDetail, Report, Turn
from bot.store.times import from_text

SPAN_TITLES = {
    "silence": "silence wait",
    "stt": "speech to text",
    "llm": "language model",
    "tts": "text to speech",
    "out": "to the wire",
    "response": "whole response",
}
Answer = TypeVar("Answer")
AGO = re.compile(r"(\d+)\s*([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Refused(click.ClickException):
    """Something the admin has to mend; printed as it is."""

    exit_code = 2


class Moment(click.ParamType[datetime]):
    """A date, a date with time (local unless it says otherwise), or how long ago: 30m, 24h, 7d."""

    name = "when"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := AGO.fullmatch(value.strip()):
            try:
                return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
            except OverflowError:
                self.fail(f"{value!r} is too long ago.", param, ctx)
        try:
            return from_text(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a date nor 30m, 24h, 7d.", param, ctx)


@click.command()
@config_option
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True)
@json_option
def calls(config_path: Path, number: int, as_json: bool) -> None:
    """List the newest calls.

    With --json a list of objects: the columns of the calls table (id, leg_kind, leg_id, codec,
    caller, called, persona, route_why, worker_pid, started, answered, ended, end_reason,
    recording, frames_in, frames_lost, frames_dropped, underruns, rtp_received, rtp_lost,
    direction: "in", or "out" when the bot called; trunk: by which it came or went) and turns,
    interruptions, response_p50_ms. Times are ISO 8601 in UTC; ended is null while a call lives.

    \b
    python -m bot calls
    python -m bot calls -n 100 --json
    """
    found = asked(lambda: queries.recent_calls(database(config_path), number))
    if as_json:
        print_json([asdict(call) for call in found])
    elif not found:
        click.echo("No call has been recorded yet.")
    else:
        console().print(calls_table(found))


@click.command()
@click.argument("call")
@config_option
@json_option
def show(call: str, config_path: Path, as_json: bool) -> None:
    """Show one CALL: an id, the beginning of an id, or "last".

    With --json an object: call (as in `calls --json`), turns (turn, utterance_id, caller_text,
    reply_text, bot_heard, interrupted, error; the ledger in milliseconds since the answer:
    speech_end_ms, turn_end_ms, stt_done_ms, llm_first_ms, tts_first_ms, first_audio_out_ms; the
    providers' own work: stt_took_ms, llm_took_ms, tts_took_ms; their names stt, llm, tts (cache:
    what was said had been rendered before); the caller's audio as it came: snr_db, flatness (of 1:
    hiss), clipped (share), heard_ms, and the conditioning steps it got; spans as in
    `report --json`), events (at_ms, kind, detail;
    of kind provider: turn, what, answered, after with provider and code of each failure; of kind
    tool: turn, name, arguments, result, why it failed or "", took_ms), messages (see `messages`)
    and interview: null, or the score so far,
    points of expected (ideas, of the questions asked), asked of questions, hints, and answers
    (question, ask, asked, hinted, points, expected, touched: the ideas that were named).

    \b
    python -m bot show last
    python -m bot show 20261122-1530 --json
    """
    detail = asked(lambda: queries.find_call(database(config_path), call))
    if as_json:
        print_json(asdict(detail))
    else:
        print_call(detail)


@click.command()
@config_option
@click.option("--since", type=Moment(), help="Only calls begun since: 2026-11-22, 30m, 24h, 7d.")
@json_option
def report(config_path: Path, since: datetime | None, as_json: bool) -> None:
    """Sum up the calls: how many, how they ended, how long callers waited for each part.

    With --json an object: since, calls, live, turns, interruptions, ends (calls by end reason),
    interviews (calls in which a question was asked, points, expected, asked, hints; see show),
    failures (of providers: "stt groq" to error code to how often; circuit open means that it was
    not asked) and spans: silence (speech end to turn end), stt, llm, tts, out (first speech of the
    voice to the wire) and response (all of it, the caller's last speech to the bot's first), each
    with n, p50 and p95 in milliseconds, null when n is 0.

    \b
    python -m bot report
    python -m bot report --since 24h --json
    """
    summed = asked(lambda: queries.report(database(config_path), since))
    if as_json:
        print_json(asdict(summed))
    else:
        print_report(summed)


def database(config_path: Path) -> Path:
    return load_config(config_path).store.path


def asked(question: Callable[[], Answer]) -> Answer:
    """The answer, or a clear message and exit code 2."""
    try:
        return question()
    except BotError as error:
        refuse(error)


def refuse(error: BotError) -> NoReturn:
    raise Refused(str(error)) from None


def calls_table(found: list[Call]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("id", "started", "caller", "called", "persona", "lasted"):
        table.add_column(title)
    table.add_column("turns", justify="right")
    table.add_column("response", justify="right")
    table.add_column("end")
    for call in found:
        table.add_row(
            plain(call.id[:12]),
            f"{from_text(call.started).astimezone():%d %b %H:%M:%S}",
            plain(call.caller or "withheld"),
            plain(call.called),
            plain(call.persona or "nobody"),
            lasted(call),
            str(call.turns),
            ms(call.response_p50_ms),
            plain(call.end_reason) if call.ended else Text("live", "green"),
        )
    return table


def print_call(detail: CallDetail) -> None:
    call, out = detail.call, console()
    way = "to" if call.direction == "out" else "from"
    trunk = f", {way} trunk {call.trunk}" if call.trunk else ""
    line = f"{call.caller or 'withheld'} called {call.called} ({call.leg_kind} {call.codec}{trunk})"
    packets = f"{call.rtp_lost or 0} of {call.rtp_received or 0} packets"
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("call", call.id),
        ("line", line),
        ("persona", f"{call.persona or 'nobody'}: {call.route_why}"),
        ("started", f"{from_text(call.started).astimezone():%d %b %Y %H:%M:%S}, {lasted(call)}"),
        ("end", call.end_reason if call.ended else "live"),
        ("recording", call.recording or "none"),
        ("lost", f"{packets}, {call.underruns or 0} underruns"),
    ):
        facts.add_row(Text(name, "bold"), plain(value))
    out.print(facts)
    if detail.interview is not None:
        print_interview(detail.interview, out)
    used = tools_used(each.detail for each in detail.events if each.kind == TOOL)
    for turn in detail.turns:
        out.print()
        did = [("provider", str(each)) for each in detail.detours if each.turn == turn.turn]
        did += [("tool", str(each)) for each in used if each.turn == turn.turn]
        did += [("message", each.text) for each in detail.messages if each.turn == turn.turn]
        print_turn(turn, did, out)


def print_turn(turn: Turn, did: list[tuple[str, str]], out: Console) -> None:
    """The words, what was done besides, then one ledger line: `2777 ms = 2500 silence + …`."""
    lines = Table.grid(padding=(0, 2))
    head = Text(f"turn {turn.turn}", "bold")
    if turn.caller_text:
        lines.add_row(head, Text("caller", "cyan"), plain(turn.caller_text))
        head = Text("")
    cut = turn.interrupted or turn.bot_heard != turn.reply_text
    if turn.reply_text or turn.bot_heard:
        lines.add_row(head, Text("bot", "magenta"), plain(turn.reply_text or turn.bot_heard))
        head = Text("")
    if turn.reply_text and cut:
        note = "interrupted" if turn.interrupted else "cut"
        lines.add_row("", Text(note, "yellow"), plain(f"heard: {turn.bot_heard or 'nothing'}"))
    for what, told in did:
        lines.add_row(head, Text(what, "yellow"), plain(told))
        head = Text("")
    if turn.error:
        lines.add_row(head, Text("error", "red"), plain(turn.error))
        head = Text("")
    if turn.who:
        lines.add_row(head, Text("by", "dim"), plain(turn.who))
        head = Text("")
    lines.add_row(head, Text("ledger", "dim"), Text(ledger_line(turn), "dim"))
    out.print(lines)


def ledger_line(turn: Turn) -> str:
    """Where the time went, the parts named as in the JSON."""
    parts = [f"{took:.0f} {name}" for name, took in turn.spans.items() if name != "response"]
    if "response" in turn.spans:
        return f"{turn.spans['response']:.0f} ms = " + " + ".join(parts)
    if turn.first_audio_out_ms is not None:  # the bot began by itself
        return f"first audio {turn.first_audio_out_ms:.0f} ms after the answer"
    return " + ".join(parts) + " ms, no reply" if parts else "nothing timed"


def print_report(summed: Report) -> None:
    out = console()
    since = f" since {from_text(summed.since).astimezone():%d %b %Y %H:%M}" if summed.since else ""
    live = f" ({summed.live} live)" if summed.live else ""
    out.print(
        f"{summed.calls} calls{live}{since}, {summed.turns} turns, "
        f"{summed.interruptions} interruptions"
    )
    for reason, count in summed.ends.items():
        out.print(plain(f"  {count:6}  {reason}"))
    if summed.interviews.calls:
        out.print(interviews_line(summed.interviews))
    for provider, codes in summed.failures.items():
        counts = ", ".join(f"{count} × {code}" for code, count in codes.items())
        out.print(plain(f"{provider} failed: {counts}"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("milliseconds")
    for title in ("p50", "p95", "turns"):
        table.add_column(title, justify="right")
    for name, span in summed.spans.items():
        table.add_row(
            SPAN_TITLES[name], ms(span.p50), ms(span.p95), str(span.n),
            style="bold" if name == "response" else "",
        )  # fmt: skip
    out.print()
    out.print(table)


def lasted(call: Call) -> str:
    """Answer to end as m:ss; what happened instead when there was none of either."""
    if not call.answered:
        return "not answered"
    end = from_text(call.ended) if call.ended else datetime.now(UTC)
    seconds = round((end - from_text(call.answered)).total_seconds())
    return f"{seconds // 60}:{seconds % 60:02}"
