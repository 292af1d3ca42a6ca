"""`python -m tests.speech_eval [words] [speed]`: how well and how fast the bot hears.

Writes var/figures/speech.json and draws docs/speech.md from it. A named part replaces its figures
and leaves the others as the last run wrote them.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.speech_eval.report import document
from tests.speech_eval.run import word_errors
from tests.speech_eval.speed import speed

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "var" / "figures" / "speech.json"
DOCUMENT = ROOT / "docs" / "speech.md"
PARTS: dict[str, Callable[[], dict[str, Any]]] = {"words": word_errors, "speed": speed}


def main(wanted: Sequence[str]) -> int:
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"eval-speech: no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    figures = json.loads(FIGURES.read_text()) if wanted and FIGURES.exists() else {}
    for name in wanted or PARTS:
        begun = time.monotonic()
        figures |= PARTS[name]()
        took_s = time.monotonic() - begun
        print(f"eval-speech: {name} took {took_s:.0f} s", file=sys.stderr, flush=True)
    figures["machine"] = machine()
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    DOCUMENT.write_text(document(figures))
    print(json.dumps(figures, indent=2))
    return 0


def machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": psutil.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
