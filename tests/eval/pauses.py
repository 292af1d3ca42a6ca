"""The stages of the end of a turn: cut-offs and waits, dictation, the trade-off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.eval import pause_judge as judge
from tests.eval import pause_scenes as scenes

KeepMissed = Callable[[str, list[str]], None]


def turns(keep_missed: KeepMissed) -> dict[str, Any]:
    """Whole utterances and utterances with a pause; `keep_missed` is told what went wrong."""
    results = scenes.play_pauses(scenes.policy_scenes(), "pauses")
    keep_missed("pauses", judge.cut_off(results))
    return judge.end_figures(results)


def dictation(keep_missed: KeepMissed) -> dict[str, Any]:
    """Numbers, mail addresses, dates and names in groups."""
    results = scenes.play_pauses(scenes.dictation_scenes(), "dictation")
    keep_missed("dictation", judge.cut_off(results))
    return judge.dictation_figures(results)


def tradeoff() -> dict[str, Any]:
    """What other settings would cost and spare."""
    results = scenes.play_pauses(scenes.sweep_scenes(), "trade-off")
    return {"tradeoff": judge.tradeoff(results)}
