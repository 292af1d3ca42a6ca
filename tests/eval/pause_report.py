"""The sections of docs/turns.md on the end of a turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.eval.tables import Cell, Figures, ms, percent, table

CUT = ("cut off", "bot heard before the end")
HEAD = (*CUT, "median wait", "mean", "p90", "turns with a pause", "whole")
NAMES = {"clean": "clean line", "snr20": "noise at 20 dB"}
MADE_OF = {"number": "ten-digit numbers", "mail": "mail addresses", "name": "spelled names"}


def end_of_turn(figures: Figures) -> str:
    fixed, told = figures["fixed"], figures["adaptive"]
    rows = [("all", told)]
    rows += [(NAMES.get(name, name), row) for name, row in told["conditions"].items()]
    rows += [*told["codecs"].items(), ("fresh sentences", told["fresh"])]
    places = [(k, percent(v["cut_off_rate"]), v["n"]) for k, v in told["places"].items()]
    lengths = [
        (f"{k} ms", percent(v["cut_off_rate"]), v["n"]) for k, v in told["pauses_ms"].items()
    ]
    kinds = [(k, ms(v["median_wait_ms"]), v["n"]) for k, v in told["kinds"].items()]
    return "\n\n".join(
        [
            f"`fixed` with 2500 ms cut off {fixed['cut_offs']} of {fixed['n']} turns with a pause, "
            f"the longest of {ms(fixed['longest_pause_ms'])}.",
            "`adaptive` as `personas/helpful-assistant.toml` has it:",
            table(("calls", *HEAD), [row(*each) for each in rows]),
            table(("place of the pause", "cut off", "turns"), places),
            table(("length of the pause", "cut off", "turns"), lengths),
            table(("said in one go", "median wait", "turns"), kinds),
            f"Whole utterances ended before their last word: {percent(told['whole_cut_rate'])}; "
            f"turns that were never answered: {told['never_answered']} of {told['n']}.",
        ]
    )


def row(name: str, told: Mapping[str, Any]) -> tuple[Cell, ...]:
    rates = (percent(told["cut_off_rate"]), percent(told["spoken_into_rate"]))
    waits = (ms(told["median_wait_ms"]), ms(told["mean_wait_ms"]), ms(told["p90_wait_ms"]))
    return (name, *rates, *waits, told["paused_n"], told["whole_n"])


def tradeoff(figures: Figures) -> str:
    rows = [
        (
            codec,
            point["setting"],
            ms(point["wait_ms"]),
            ms(point["p90_wait_ms"]),
            percent(point["cut_off_rate"]),
            percent(point["spoken_into_rate"]),
        )
        for codec, curve in figures["tradeoff"].items()
        for point in curve
    ]
    head = ("line", "setting, ms", "median wait", "p90", *CUT)
    return (
        "![False cut-offs against wait](turns.svg)\n\n"
        "The setting is `turn.min_silence_ms` of `adaptive`, and `turn.silence_ms` of `fixed` "
        "where silence alone decides.\n\n" + table(head, rows)
    )


def dictation(figures: Figures) -> str:
    head = ("dictated", "cut", "of", "`fixed`", "`adaptive`", "asked for", "not asked for", "wait")
    return table(head, dictated(figures))


def dictated(figures: Figures) -> Iterator[tuple[Cell, ...]]:
    for kind, told in ({"number": figures["numbers"]} | dict(figures["dictation"])).items():
        parts = [told["policies"][each] for each in ("fixed", "adaptive")]
        parts += [told["asked"][each] for each in ("asked", "not asked")]
        counts = [f"{each['cut']} of {each['n']}" for each in parts]
        name = MADE_OF.get(kind, f"{kind}s")
        yield (name, told["cut"], told["n"], *counts, ms(told["median_wait_ms"]))
