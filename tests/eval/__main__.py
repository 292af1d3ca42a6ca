"""`python -m tests.eval [STAGE …]`: judge how turns are taken, write the figures and the document.

Without a stage all are run. Named stages replace their part of var/figures/turns.json and leave
the rest as the last run wrote it.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.eval import cost, detectors, judge, pauses, scenes, wire
from tests.eval.cache import FOLDER
from tests.eval.corpus import corpus
from tests.eval.report import document
from tests.eval.tradeoff import svg

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "var" / "figures" / "turns.json"
DOCUMENT = ROOT / "docs" / "turns.md"
PLOT = ROOT / "docs" / "turns.svg"


def clips() -> dict[str, Any]:
    """The corpus over the bot's voice, under every condition."""
    results = scenes.play_all(scenes.clip_scenes(), "clips")
    keep_missed("clips", judge.missed(results))
    return judge.figures(results) | {"corpus": {"clips": len(corpus())}}


def echo() -> dict[str, Any]:
    """The bot's own voice coming back."""
    results = scenes.play_all(scenes.echo_scenes(), "echo")
    keep_missed("echo", judge.missed(results))
    return {"echo": judge.echo_figures(results)}


def voice_activity() -> dict[str, Any]:
    """Both detectors on both kinds of line."""
    return {"vad": detectors.figures()}


def costs() -> dict[str, Any]:
    """Ticks and a scenario."""
    return {"tick_us": cost.tick_us(), "scenario_10s_ms": cost.scenario_10s_ms()}


STAGES: dict[str, Callable[[], dict[str, Any]]] = {
    "clips": clips,
    "echo": echo,
    "pauses": lambda: pauses.turns(keep_missed),
    "dictation": lambda: pauses.dictation(keep_missed),
    "tradeoff": pauses.tradeoff,
    "detectors": voice_activity,
    "wire": wire.wire_figures,
    "cost": costs,
}


def main(wanted: Sequence[str]) -> int:
    unknown = set(wanted) - set(STAGES)
    if unknown:
        print(f"eval: no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
        return 2
    made: dict[str, Any] = {}
    for name, work in STAGES.items():
        if not wanted or name in wanted:
            made |= stage(name, work)
    # read only now: other stages may have been run meanwhile
    kept = json.loads(FIGURES.read_text()) if wanted and FIGURES.exists() else {}
    figures = without_nan(kept | made | {"machine": machine()})
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(figures))
    if "tradeoff" in figures:
        PLOT.write_text(svg(figures["tradeoff"]))
    print(json.dumps(figures, indent=2))
    for path in (FIGURES, DOCUMENT):
        print(f"eval: written to {path.relative_to(ROOT)}", file=sys.stderr)
    return 0


def stage(name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run one part and tell on stderr how it goes."""
    print(f"eval: {name} …", file=sys.stderr, flush=True)
    begun = time.monotonic()
    result = work()
    print(f"eval: {name} took {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return result


def keep_missed(name: str, lines: list[str]) -> None:
    """What went wrong, call by call, for whoever improves it."""
    path = FOLDER / f"missed-{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": psutil.cpu_count(),
        "speech": "whisper tiny.en, Piper joe, espeak-ng",
    }


def without_nan(value: Any) -> Any:
    """JSON knows no NaN: a figure of nothing is null."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
