"""From calls to the figures of the end of a turn. Definitions: docs/turns.md, written from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from tests.bench.numbers import percentile
from tests.eval.judge import share
from tests.eval.pause_corpus import DICTATION, GROUP_PAUSED, GROUP_WHOLE
from tests.eval.pause_scenes import CODECS, CONDITIONS, POLICIES, PauseResult

NUMBER = DICTATION[0]
Results = Sequence[PauseResult]


def end_figures(results: Results) -> dict[str, Any]:
    """What `fixed` and `adaptive` make of whole utterances and of utterances with a pause."""
    adaptive = of_policy(results, "adaptive")
    return {"fixed": fixed(of_policy(results, "fixed")), "adaptive": policy(adaptive)}


def of_policy(results: Results, end: str) -> list[PauseResult]:
    return [each for each in results if each.scene.end == end]


def fixed(results: Results) -> dict[str, Any]:
    pauses = [end - begin for each in results for begin, end in each.heard.pauses]
    return {
        "cut_offs": sum(each.heard.cut for each in results),
        "n": len(pauses),
        "longest_pause_ms": round(max(pauses, default=0.0) * 1000),
        "conditions": {c: cut_count([r for r in results if r.condition == c]) for c in CONDITIONS},
    }


def cut_count(results: Results) -> dict[str, int]:
    return {"cut": sum(each.heard.cut for each in results), "n": len(results)}


def policy(results: Results) -> dict[str, Any]:
    """All of it, and the same by condition, by line, by place of the pause, by kind of turn."""
    paused, whole = of_group(results, GROUP_PAUSED), of_group(results, GROUP_WHOLE)
    return brief(results) | {
        "fresh": brief([each for each in results if each.said.fresh]),
        "conditions": by(results, lambda each: each.condition, CONDITIONS),
        "codecs": by(results, lambda each: each.codec, CODECS),
        "places": {
            kind: {"cut_off_rate": cut_rate(those), "n": len(those)}
            for kind, those in kinds(paused).items()
        },
        "kinds": {
            kind: {"median_wait_ms": percentile(waits(those), 50), "n": len(those)}
            for kind, those in kinds(whole).items()
        },
        "pauses_ms": {
            name: {"cut_off_rate": cut_rate(those), "n": len(those)}
            for name, those in by_length(paused).items()
        },
    }


def brief(results: Results) -> dict[str, Any]:
    paused, whole = of_group(results, GROUP_PAUSED), of_group(results, GROUP_WHOLE)
    waited = waits(whole)
    return {
        "cut_off_rate": cut_rate(paused),
        "spoken_into_rate": share(each.heard.spoken_into for each in paused),
        "median_wait_ms": percentile(waited, 50),
        "p90_wait_ms": percentile(waited, 90),
        "mean_wait_ms": round(sum(waited) / len(waited), 1) if waited else float("nan"),
        "whole_cut_rate": cut_rate(whole),
        "never_answered": sum(each.heard.answered_at is None for each in results),
        "n": len(results),
        "paused_n": len(paused),
        "whole_n": len(whole),
    }


def by(
    results: Results, key: Callable[[PauseResult], str], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    return {name: brief([each for each in results if key(each) == name]) for name in names}


def of_group(results: Results, group: str) -> list[PauseResult]:
    return [each for each in results if each.said.group == group]


def kinds(results: Results) -> dict[str, list[PauseResult]]:
    names = dict.fromkeys(each.said.kind for each in results)
    return {name: [each for each in results if each.said.kind == name] for name in names}


def by_length(results: Results) -> dict[str, list[PauseResult]]:
    """By the silence of the pause: up to 0.7, 1.0, 1.5 and 2.0 s."""
    edges = (0, 700, 1000, 1500, 2000)
    return {
        f"{low}–{high}": [
            each for each in results if low < round(each.said.gaps_s[0] * 1000) <= high
        ]
        for low, high in pairwise(edges)
    }


def cut_rate(results: Results) -> float:
    return share(each.heard.cut for each in results)


def waits(results: Results) -> list[float]:
    """Of turns that were let finish: from the last word to the decision."""
    told = [each.heard.wait_ms for each in results if not each.heard.cut]
    return [each for each in told if each is not None]


def tradeoff(results: Results) -> dict[str, list[dict[str, Any]]]:
    """A curve per codec: what each least silence costs and spares; and one of silence alone."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for codec, end in [*((codec, "adaptive") for codec in CODECS), (CODECS[0], "fixed")]:
        those = [each for each in of_policy(results, end) if each.codec == codec]
        name = codec if end == "adaptive" else f"{codec}, silence alone"
        settings = sorted({setting(each) for each in those})
        curves[name] = [point(those, value) for value in settings]
    return curves


def point(results: Results, value: int) -> dict[str, Any]:
    told = brief([each for each in results if setting(each) == value])
    keys = ("cut_off_rate", "spoken_into_rate", "p90_wait_ms", "n")
    return {"setting": value, "wait_ms": told["median_wait_ms"]} | {k: told[k] for k in keys}


def setting(each: PauseResult) -> int:
    return each.scene.changed[0][1]


def dictation_figures(results: Results) -> dict[str, Any]:
    """Numbers apart, for they have a target; a number is cut before all its digits are said."""
    told = {group: dictated(of_group(results, group)) for group in DICTATION}
    return {"numbers": told[NUMBER], "dictation": {k: v for k, v in told.items() if k != NUMBER}}


def dictated(results: Results) -> dict[str, Any]:
    waited = waits(of_policy(results, "adaptive"))
    return cut_count(results) | {
        "policies": {end: cut_count(of_policy(results, end)) for end in POLICIES},
        "asked": {kind: cut_count(those) for kind, those in kinds(results).items()},
        "conditions": {c: cut_count([r for r in results if r.condition == c]) for c in CONDITIONS},
        "median_wait_ms": percentile(waited, 50),
    }


def cut_off(results: Results) -> list[str]:
    """The calls that went wrong, for whoever wants to know why. Goes to var/, not into docs."""
    return [
        f"{each.condition} {each.codec} {each.scene.end} {each.said.group} {each.said.kind} "
        f"{each.said.name} gaps {each.said.gaps_s} end {each.heard.speech_end:.2f} "
        f"pauses {[(round(a, 2), round(b, 2)) for a, b in each.heard.pauses]} "
        f"ended {each.heard.ended} looks {each.heard.looks}"
        for each in results
        if each.heard.cut or (each.heard.answered_at is None and each.scene.end == "adaptive")
    ]
