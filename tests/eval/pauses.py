"""The stage of the end of a turn: cut-offs, waits, the trade-off, dictation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.eval import pause_judge as judge
from tests.eval import pause_scenes as scenes


def figures(keep_missed: Callable[[str, list[str]], None]) -> dict[str, Any]:
    """All figures of the stage; `keep_missed` is told the calls that went wrong."""
    turns = scenes.play_pauses(scenes.policy_scenes(), "pauses")
    dictated = scenes.play_pauses(scenes.dictation_scenes(), "dictation")
    keep_missed("pauses", judge.cut_off(turns))
    keep_missed("dictation", judge.cut_off(dictated))
    swept = scenes.play_pauses(scenes.sweep_scenes(), "trade-off")
    return (
        judge.end_figures(turns)
        | judge.dictation_figures(dictated)
        | {"tradeoff": judge.tradeoff(swept)}
    )
