"""How commands print: JSON for programs, words from outside made harmless for people."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.text import Text


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def console() -> Console:
    return Console(highlight=False)


def plain(words: str, style: str = "") -> Text:
    """Words from outside: no markup, no control characters that could steer the terminal."""
    shown = (c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
    return Text("".join(shown), style)


def ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def counted(number: int, thing: str) -> str:
    """1 hint, 2 hints."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
