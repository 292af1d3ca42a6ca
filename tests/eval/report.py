"""docs/turns.md, drawn from the figures: tables, definitions, the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.eval.definitions import DEFINITIONS, HEAD
from tests.eval.pause_definitions import PAUSE_DEFINITIONS
from tests.eval.pause_report import dictation, end_of_turn, tradeoff
from tests.eval.tables import Cell, Figures, ms, percent, table


def document(figures: Figures) -> str:
    """The whole document; a part without figures is left out."""
    parts = [
        HEAD.format(**figures["machine"]),
        "## In short",
        table(("what", "measured", "target", "met"), in_short(figures)),
    ]
    for needs, title, write in SECTIONS:
        if all(each in figures for each in needs):
            parts += [f"## {title}", write(figures)]
    parts += ["## How each figure is defined", DEFINITIONS, PAUSE_DEFINITIONS]
    return "\n\n".join(each.strip() for each in parts) + "\n"


def look(figures: Figures, path: str) -> Any:
    """ "pause_ms.p50" → figures["pause_ms"]["p50"], None where that is missing."""
    value: Any = figures
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


# (what, key, unit, target, True: at least)
TARGETS: list[tuple[str, str, Callable[[Any], str], float, bool]] = [
    ("interruptions stopped, clean line", "interruptions.clean.rate", percent, 0.98, True),
    ("interruptions stopped, noise at 20 dB", "interruptions.snr20.rate", percent, 0.95, True),
    ("back-channels, coughs, noises that stop the bot", "false_stops.rate", percent, 0.05, False),
    ("pause after speech onset, median", "pause_ms.p50", ms, 250, False),
    ("pause after speech onset, p95", "pause_ms.p95", ms, 350, False),
    ("gap before the bot goes on, p95", "resume_gap_ms.p95", ms, 700, False),
    ("stop words hit", "stop_words.hit", percent, 0.90, True),
    ("stop words heard where none was said", "stop_words.false", percent, 0.01, False),
    (
        "calls with echo in which the bot interrupts itself",
        "echo.self_interruptions",
        str,
        0,
        False,
    ),
    ("interruptions lost in echo, 12 dB and more", "echo.lost_rate", percent, 0.01, False),
    ("fixed: pauses of 2.0 s and less cut off", "fixed.cut_offs", str, 0, False),
    ("adaptive: turns with a pause cut off", "adaptive.cut_off_rate", percent, 0.05, False),
    ("adaptive: median wait", "adaptive.median_wait_ms", ms, 900, False),
    ("ten-digit numbers cut", "numbers.cut", str, 0, False),
    ("wire against own record, p95", "wire_agreement_ms.p95", ms, 40, False),
    ("one tick, median", "tick_us.p50", lambda us: f"{us:.0f} µs", 200, False),
    ("scenario of 10 s", "scenario_10s_ms", ms, 50, False),
]


def in_short(figures: Figures) -> Iterable[tuple[Cell, ...]]:
    for what, path, unit, target, at_least in TARGETS:
        value = look(figures, path)
        if value is None:
            yield (what, "not measured", bound(unit(target), at_least), "–")
            continue
        met = value >= target if at_least else value <= target
        yield (what, unit(value), bound(unit(target), at_least), "yes" if met else "**no**")


def bound(target: str, at_least: bool) -> str:
    return f"{'≥' if at_least else '≤'} {target}"


# ---- sections

BRIEF = ("stopped", "false stops", "pause p50", "pause p95", "resume gap p95", "calls")


def brief(name: str, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    gap = ms(row["resume_gap_p95_ms"])
    pause = (ms(row["pause_p50_ms"]), ms(row["pause_p95_ms"]))
    return (name, percent(row["stopped"]), percent(row["false_stops"]), *pause, gap, row["n"])


def floor(figures: Figures) -> str:
    conditions = [
        (name, percent(row["rate"]), row["stopped"], row["n"])
        for name, row in figures["interruptions"].items()
    ]
    rows = {f"`{name}`, clean": row for name, row in figures["behaviours"].items()}
    rows |= {f"{name}, clean and 20 dB": row for name, row in figures["codecs"].items()}
    rows |= {f"{name} noise, 20 and 10 dB": row for name, row in figures["noise_kinds"].items()}
    kinds = [(name, percent(value)) for name, value in figures["interruption_kinds"].items()]
    return "\n\n".join(
        [
            table(("interruptions on a line", "stopped", "calls stopped", "of"), conditions),
            table(("behaviour or line", *BRIEF), [brief(*each) for each in rows.items()]),
            "What was said or made over the bot (`balanced`, clean and 20 dB), and how often the "
            "bot gave up its reply:",
            table(("sound", "bot stopped for good"), kinds),
        ]
    )


def unmeant(figures: Figures) -> str:
    told = figures["false_stops"]
    groups = ("rate", "backchannel", "cough", "noise", "n")
    rows = [
        (name, *(percent(row[key]) for key in groups[:-1]), row["n"])
        for name, row in (("clean and 20 dB", told), ("10 dB", told["snr10"]))
    ]
    cut = " · ".join(f"{name} {percent(each)}" for name, each in figures["greetings_cut"].items())
    return (
        table(("line", "all", "back-channels", "coughs", "noises", "calls"), rows)
        + f"\n\nGreetings given up because of noise, though nobody had spoken yet: {cut}."
    )


def echo(figures: Figures) -> str:
    told = figures["echo"]
    return table(
        (
            "calls",
            "paused or stopped by itself",
            "interruptions lost from 12 dB on",
            "from 6 dB on",
        ),
        [
            (
                told["calls"],
                told["self_interruptions"],
                f"{percent(told['lost_rate'])} of {told['lost_n']}",
                percent(told["lost_rate_all"]),
            )
        ],
    )


def wire(figures: Figures) -> str:
    told = figures["wire"]
    rows = []
    for name in ("stop", "response"):
        here, apart = told[f"{name}_ms"], told[f"{name}_agreement_ms"]
        rows.append((name, ms(here["p50"]), ms(here["p95"]), ms(apart["p95"]), here["n"]))
    return table(("time", "wire p50", "wire p95", "apart from own record, p95", "n"), rows)


def cost(figures: Figures) -> str:
    tick = figures["tick_us"]
    return table(
        ("tick p50", "tick p99", "scenario of 10 s"),
        [(f"{tick['p50']} µs", f"{tick['p99']} µs", ms(figures["scenario_10s_ms"]))],
    )


def voice_activity(figures: Figures) -> str:
    rows = figures["vad"]
    shown = table(rows[0], [tuple(row.values()) for row in rows])
    return f'In bold the detector that `call.vad = "auto"` takes for that codec.\n\n{shown}'


SECTIONS: list[tuple[tuple[str, ...], str, Callable[[Figures], str]]] = [
    (("interruptions",), "Who takes the floor", floor),
    (("false_stops",), "What must not stop the bot", unmeant),
    (("echo",), "Echo of ourselves", echo),
    (("fixed", "adaptive"), "When a turn is over", end_of_turn),
    (("tradeoff",), "End of turn: cut-offs against wait", tradeoff),
    (("numbers", "dictation"), "What is dictated", dictation),
    (("vad",), "Voice activity", voice_activity),
    (("wire",), "On the wire", wire),
    (("tick_us",), "Cost", cost),
]
