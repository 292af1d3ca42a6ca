"""What a run came to: a table on the terminal, figures, and the same table in docs/sip.md."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.eval.tables import table
from tests.sip.conformance.ordeal import Ordeal
from tests.sip.conformance.run import Outcome
from tests.sip.conformance.table import CASES

ROOT = Path(__file__).resolve().parents[3]
FIGURES = ROOT / "var" / "figures" / "conformance.json"
WIDTH = 150  # where no terminal says how wide it is
DOCUMENT = ROOT / "docs" / "sip.md"


def show(outcomes: Iterable[Outcome]) -> None:
    """Print them."""
    printed = Table("case", "checks", "source", "s", "verdict", title="SIP conformance")
    for each in outcomes:
        case = each.case
        verdict = f"[red]{_plain(each.wrong)}[/red]" if each.wrong else "[green]passed[/green]"
        printed.add_row(case.name, case.checks, case.source, f"{each.took_s:.1f}", verdict)
    Console(width=None if sys.stdout.isatty() else WIDTH).print(printed)


def _plain(text: str) -> str:
    return text.splitlines()[0][:120].replace("[", "\\[")


def figures(outcomes: Sequence[Outcome], ordeal: Ordeal) -> dict[str, Any]:
    return {
        "cases": len(outcomes),
        "failed": [each.case.name for each in outcomes if each.wrong],
        "torture": {
            "sent": ordeal.sent,
            "died": ordeal.died,
            "replies": ordeal.replies,
            "replies_broken": len(ordeal.broken),
            "records_left_open": ordeal.open_records,
            "rtp_lost": ordeal.rtp_lost,
            "rtp_interval_p99_ms": ordeal.rtp_p99_ms,
            "rtp_interval_max_ms": ordeal.rtp_max_ms,
        },
    }


def write(told: dict[str, Any]) -> None:
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(told, indent=2) + "\n")
    DOCUMENT.write_text(with_table(DOCUMENT.read_text("utf-8"), told), "utf-8")


def with_table(document: str, told: dict[str, Any]) -> str:
    """The document with the table between its markers drawn anew."""
    ordeal, failed = told["torture"], told["failed"]
    rows = [
        (f"`{case.name}`", case.checks, case.source, "**no**" if case.name in failed else "yes")
        for case in CASES.values()
    ]
    text = (
        f"{told['cases']} cases, {len(failed)} failed.\n\n"
        + table(("case", "what is checked", "source", "passed"), rows)
        + f"\n\nTorture: {ordeal['sent']} messages sent, {ordeal['died']} deaths, "
        f"{ordeal['replies']} replies, {ordeal['replies_broken']} of them broken, "
        f"{ordeal['records_left_open']} records left open. The call that went on meanwhile lost "
        f"{ordeal['rtp_lost']} packets; 99 % of their intervals were at most "
        f"{ordeal['rtp_interval_p99_ms']:.0f} ms."
    )
    marked = re.compile(r"(?<=<!-- conformance -->\n).*?(?=\n<!-- /conformance -->)", re.DOTALL)
    return marked.sub(lambda _: text, document)
