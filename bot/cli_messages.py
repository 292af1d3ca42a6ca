"""`messages`: what callers asked to be passed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bot.cli_options import config_option, json_option
from bot.cli_records import asked, database
from bot.cli_text import console, plain, print_json
from bot.store.messages import CallerMessage, recent_messages
from bot.store.times import from_text


@click.command()
@config_option
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True)
@json_option
def messages(config_path: Path, number: int, as_json: bool) -> None:
    """List the newest messages that callers left with a persona's take_message.

    With --json a list of objects: call_id, at (ISO 8601 in UTC), turn, text, name and number
    (where to call back; both "" when unknown).

    \b
    python -m bot messages
    python -m bot messages -n 100 --json
    """
    found = asked(lambda: recent_messages(database(config_path), number))
    if as_json:
        print_json([asdict(message) for message in found])
    elif not found:
        click.echo("Nobody has left a message yet.")
    else:
        print_messages(found, console())


def print_messages(found: Sequence[CallerMessage], out: Console) -> None:
    """Who, and where to call back, then the words."""
    for each in found:
        at = f"{from_text(each.at).astimezone():%d %b %H:%M}"
        who = plain(f"  {each.name or 'unknown'}, {each.number or 'no number'}")
        out.print(Text.assemble((at, "bold"), who, (f"  {each.call_id}", "dim")))
        out.print(Padding(plain(each.text), (0, 0, 1, 2)))
