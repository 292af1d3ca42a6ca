"""The trade-off of ending a turn as a picture: false cut-offs against wait, a line per codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 60
COLOURS = ("#0b6e99", "#c4541a", "#3d7d3d", "#8a4b9e", "#8c7a1f", "#555555")
TARGET = (900.0, 0.05)  # median wait in ms, share of turns cut off


def svg(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Curves by name; their points have `wait_ms` (median) and `cut_off_rate` (0 to 1)."""
    points = [point for curve in curves.values() for point in curve]
    most_ms = max([1000.0, *(float(point["wait_ms"]) for point in points)]) * 1.05
    most = max([0.1, *(float(point["cut_off_rate"]) for point in points)]) * 1.1

    def x(ms: float) -> float:
        return round(LEFT + ms / most_ms * (WIDTH - LEFT - RIGHT), 1)

    def y(rate: float) -> float:
        return round(HEIGHT - BOTTOM - rate / most * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13" role="img" '
        'aria-label="False cut-offs against median wait, per codec">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        rect(x(0), y(TARGET[1]), x(min(TARGET[0], most_ms)), y(0)),
    ]
    for ms in range(0, int(most_ms) + 1, 500):
        parts.append(f'<path d="M{x(ms)} {y(0)}V{TOP}" stroke="#e4e4e4"/>')
        parts.append(text(x(ms), HEIGHT - BOTTOM + 20, f"{ms}"))
    step = 0.05 if most < 0.4 else 0.1
    for number in range(int(most / step) + 1):
        parts.append(f'<path d="M{LEFT} {y(number * step)}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        parts.append(text(LEFT - 8, y(number * step) + 4, f"{number * step:.0%}", "end"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, "median wait after the turn, ms"))
    parts.append(text(LEFT, TOP - 18, "turns cut off; shaded: the target", "start"))
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        at = [(x(float(p["wait_ms"])), y(float(p["cut_off_rate"]))) for p in curve]
        line = " ".join(f"{a},{b}" for a, b in at)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a}" cy="{b}" r="3.5" fill="{colour}"/>' for a, b in at]
        parts.append(text(WIDTH - RIGHT - 8, TOP + 18 + 18 * number, escape(name), "end", colour))
    return "\n".join([*parts, "</svg>"]) + "\n"


def rect(left: float, top: float, right: float, bottom: float) -> str:
    size = f'width="{right - left:.1f}" height="{bottom - top:.1f}"'
    return f'<rect x="{left}" y="{top}" {size} fill="#e8f3e8"/>'


def text(x: float, y: float, words: str, anchor: str = "middle", colour: str = "#333333") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
