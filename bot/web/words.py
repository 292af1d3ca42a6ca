"""Template filters: how the page puts numbers, times and ledgers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.store.queries import Call, Turn
from bot.store.times import from_text

SHOWN_DIGITS = 2
PARTS = {
    "silence": "silence wait",
    "stt": "speech to text",
    "llm": "language model",
    "tts": "text to speech",
    "out": "to the wire",
}
BAR_WIDTH = 1000.0  # user units of the ledger's SVG


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a turn's ledger bar."""

    name: str  # key of PARTS, also its CSS class
    title: str
    ms: float
    x: float  # of BAR_WIDTH
    width: float


def masked(caller: str) -> str:
    """A caller as the page may show them: the last two characters."""
    if not caller:
        return "withheld"
    return f"••• {caller[-SHOWN_DIGITS:]}" if len(caller) > SHOWN_DIGITS else "•••"


def moment(text: str | None) -> str:
    """22 Nov 22:04, in this machine's time zone."""
    return f"{from_text(text).astimezone():%d %b %H:%M}" if text else "–"


def seconds(ms: float | None) -> str:
    return "–" if ms is None else f"{ms / 1000:.2f} s"


def lasted(call: Call) -> str:
    """Answer to end, or to now, as m:ss."""
    if not call.answered:
        return "not answered"
    end = from_text(call.ended) if call.ended else datetime.now(UTC)
    whole = max(0, round((end - from_text(call.answered)).total_seconds()))
    return f"{whole // 60}:{whole % 60:02}"


def parts(turn: Turn) -> list[Part]:
    """The ledger as stretches beside each other; [] when a part of it is missing."""
    if any(name not in turn.spans or turn.spans[name] < 0 for name in PARTS):
        return []
    whole = sum(turn.spans[name] for name in PARTS) or 1.0
    made: list[Part] = []
    x = 0.0
    for name, title in PARTS.items():
        width = turn.spans[name] / whole * BAR_WIDTH
        made.append(Part(name, title, turn.spans[name], round(x, 1), round(width, 1)))
        x += width
    return made


FILTERS: dict[str, Callable[..., Any]] = {
    "masked": masked,
    "moment": moment,
    "seconds": seconds,
    "lasted": lasted,
    "parts": parts,
}
