"""docs/speech.md, drawn from the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.eval.tables import Cell, Figures, ms, percent, table
from tests.speech_eval.definitions import DEFINITIONS, HEAD, NOTES, TRIED

LINES = {
    "clean": "16 kHz, no line",
    "g711": "G.711",
    "g722": "G.722",
    "opus24k": "Opus, 24 kbit/s",
    "white20": "G.711, white noise at 20 dB",
    "white10": "G.711, white noise at 10 dB",
    "babble20": "G.711, babble at 20 dB",
    "loss5": "G.711, 5 % of packets lost",
}
DEFAULT = "tiny.en"
MOST_WORSE, LEAST_BETTER = 0.005, 0.04
QUEUE = 1.5  # times the time of one caller alone

Row = tuple[str, str, str, bool]


def document(figures: Figures) -> str:
    """The whole document; what was not measured is left out."""
    parts = [HEAD.format(**figures["machine"]), "## In short"]
    parts += [table(("what", "measured", "target", "met"), map(_told, in_short(figures)))]
    for needs, title, write in SECTIONS:
        if needs in figures:
            parts += [f"## {title}", write(figures)]
    parts += ["## How each figure is defined", DEFINITIONS, "## What to know about it", NOTES]
    parts += ["## What was tried against noise", TRIED]
    return "\n\n".join(each.strip() for each in parts) + "\n"


def _told(row: Row) -> tuple[Cell, ...]:
    *cells, met = row
    return (*cells, "yes" if met else "**no**")


def points(rate: float) -> str:
    return f"{rate * 100:+.1f} points"


def in_short(figures: Figures) -> Iterator[Row]:
    for model, lines in figures.get("wer", {}).items():
        gains = {name: told["conditioned"] - told["raw"] for name, told in lines.items()}
        worst = max(gains, key=lambda name: gains[name])
        met = gains[worst] <= MOST_WORSE
        yield f"{model}: most that conditioning harms ({worst})", points(gains[worst]), "+0.5", met
        gain = gains["white10"]
        yield f"{model}: white noise at 10 dB", points(gain), "-4 or more", gain <= -LEAST_BETTER
    for model, fresh in figures.get("wer_fresh_noise", {}).items():
        gain = fresh["conditioned"] - fresh["raw"]
        name = f"{model}: the same, {fresh['n']} utterances in noise of other draws"
        yield name, points(gain), "-4 or more", gain <= -LEAST_BETTER
    if "stt_ms" in figures:
        alone = figures["stt_ms"][DEFAULT]["4s"]
        yield f"{DEFAULT}: 4 s of speech, one thread", ms(alone), "200 ms", alone <= 200
        four = figures["stt_ms_four_callers"]
        target = f"{ms(QUEUE * alone)} (1.5 times)"
        yield "the same with four callers, median", ms(four), target, four <= QUEUE * alone
        last = figures["stt_four_callers"][DEFAULT]["same_instant_last"]
        yield "the last of four in the same instant", ms(last), target, last <= QUEUE * alone
        memory = figures["rss_mb"]
        yield "most memory of the speech worker", f"{memory:.0f} MiB", "700 MiB", memory <= 700


def word_errors(figures: Figures) -> str:
    parts = []
    for model, lines in figures["wer"].items():
        head = ("line", "as it came", "conditioned", "change", "conditioned utterances", "n")
        rows = [
            (
                LINES[name],
                percent(told["raw"]),
                percent(told["conditioned"]),
                points(told["conditioned"] - told["raw"]),
                max(told["steps"].values(), default=0),
                told["n"],
            )
            for name, told in lines.items()
        ]
        parts += [f"### {model}", table(head, rows), _by_voices(lines)]
    return "\n\n".join(parts)


def _by_voices(lines: dict[str, Any]) -> str:
    names = next(iter(lines.values()))["voices"]
    rows = [
        (LINES[line], *(percent(told["voices"][name]) for name in names))
        for line, told in lines.items()
    ]
    return "As it came, by who speaks:\n\n" + table(("line", *names), rows)


def times(figures: Figures) -> str:
    rows = []
    for model, alone in figures["stt_ms"].items():
        told = figures["stt_four_callers"][model]
        cells = [*alone.values(), told["p50"], told["p95"], told["same_instant_last"]]
        rows.append((model, *map(ms, cells)))
    lengths = [f"{name[:-1]} s" for name in figures["stt_ms"][DEFAULT]]
    head = ("model", *lengths, "4 s, four callers: median", "p95", "last of four at once")
    other = [
        (
            "conditioning of a noisy utterance, per second of audio",
            f"{figures['conditioning_ms_per_s']:.1f} ms",
        ),
        ("first audio of Piper for a clause", ms(figures["tts_first_ms"])),
        *(
            (f"speech worker with {model} and Piper: memory after use, most ever", _mib(memory))
            for model, memory in figures["rss_mb_models"].items()
        ),
        ("load of the machine meanwhile", f"{figures['load']:.1f}"),
    ]
    return f"{table(head, rows)}\n\n{table(('what', 'measured'), other)}"


def _mib(memory: dict[str, float]) -> str:
    return f"{memory['after']:.0f} MiB, {memory['most']:.0f} MiB"


SECTIONS: list[tuple[str, str, Callable[[Figures], str]]] = [
    ("wer", "Word error rate", word_errors),
    ("stt_ms", "Speed and memory", times),
]
