"""Tables in Markdown, and how their cells are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Figures = Mapping[str, Any]
Cell = str | float | int | None


def table(head: Iterable[str], rows: Iterable[Iterable[Cell]]) -> str:
    titles = list(head)
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(cell(each) for each in row) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: Cell) -> str:
    return "–" if value is None else str(value)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} %"


def ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"
