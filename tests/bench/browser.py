"""Browser calls in figures: `python -m tests.bench.browser`, or `make bench-browser`.

Three stages: click (from the click to the first sound), six (six calls in one process: gaps between
packets, CPU against a bare aiortc echo), leaks. Figures go to var/figures/browser.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.bench import browser_click, browser_cpu, browser_leaks

FIGURES = Path("var/figures/browser.json")
STAGES = ("click", "six", "leaks")


def stage(name: str) -> dict[str, Any]:
    """The figures of one stage, as they stand in the file."""
    match name:
        case "click":
            return {"click_to_audio_ms": browser_click.measure()}
        case "six":
            six = browser_cpu.measure()
            return {
                "gap_ms_6_calls": {
                    "p50": six["gap_p50_ms"], "p99": six["gap_p99_ms"], "max": six["gap_max_ms"],
                },
                "cpu_ratio_to_echo": six["ratio"],
                "six_calls": six,
            }  # fmt: skip
        case _:
            return {"leaked": browser_leaks.measure()}


@click.command()
@click.argument("stages", nargs=-1, type=click.Choice(STAGES))
def main(stages: tuple[str, ...]) -> None:
    """Measure; STAGES pick some, and the others keep their figures."""
    console = Console(stderr=True)
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for name in stages or STAGES:
        with console.status(f"measuring {name} …"):
            figures |= stage(name)
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    sys.exit(main())
