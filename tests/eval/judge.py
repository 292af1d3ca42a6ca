"""From outcomes to figures. How each figure is defined is written in docs/turns.md from here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.bench.numbers import percentile
from tests.eval.corpus import stop_word
from tests.eval.scenes import BEHAVIOURS, CLEAN, CODECS, NOISES, SNR10, SNR20, Result

HIT_S = 1.2  # a stop word is hit when the bot has given up its reply so soon after its onset
STOP_REASON = "stop word"  # what the engine writes when one decided
JUDGED_LOSS_DB = 12.0  # echo: interruptions are counted from this return loss on
UNMEANT = ("backchannel", "cough", "noise")


def share(hits: Iterable[bool]) -> float:
    told = list(hits)
    return round(sum(told) / len(told), 4) if told else 0.0


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """Everything that clips on lines without echo tell."""
    default = [each for each in results if each.scene.behaviour == BEHAVIOURS[0]]
    judged = [each for each in default if each.condition in (CLEAN, SNR20)]
    return {
        "interruptions": {
            condition: stopped(pick(default, condition)) for condition in (CLEAN, SNR20, SNR10)
        },
        "false_stops": false_stops(judged) | {SNR10: false_stops(pick(default, SNR10))},
        "pause_ms": spread(pauses(judged)),
        "resume_gap_ms": spread(gaps(judged)),
        "stop_ms": spread(
            [each.outcome.stop_ms or 0 for each in judged if each.clip.meant and won(each)]
        ),
        "stop_words": stop_words(judged),
        "greetings_cut": {c: greetings_cut(pick(default, c)) for c in (CLEAN, SNR20, SNR10)},
        "never_answered": sum(not each.outcome.replied_at for each in results),
        "behaviours": {name: of_behaviour(results, name) for name in BEHAVIOURS},
        "codecs": {
            codec: brief([each for each in judged if each.scene.line.codec == codec])
            for codec in CODECS
        },
        "noise_kinds": {
            kind: brief([each for each in default if each.scene.line.noise == kind])
            for kind in NOISES
        },
        "interruption_kinds": kinds(judged),
    }


def pick(results: Sequence[Result], condition: str) -> list[Result]:
    return [each for each in results if each.condition == condition]


def won(each: Result) -> bool:
    """Was the bot stopped for good, in time?"""
    return each.outcome.stopped


def stopped(results: Sequence[Result]) -> dict[str, Any]:
    meant = [each for each in results if each.clip.meant]
    hits = sum(won(each) for each in meant)
    return {"stopped": hits, "n": len(meant), "rate": share(won(each) for each in meant)}


def false_stops(results: Sequence[Result]) -> dict[str, Any]:
    unmeant = [each for each in results if not each.clip.meant]
    told: dict[str, Any] = {"rate": share(gave_up(each) for each in unmeant), "n": len(unmeant)}
    for group in UNMEANT:
        told[group] = share(gave_up(each) for each in unmeant if each.clip.group == group)
    return told


def greetings_cut(results: Sequence[Result]) -> float:
    """Noise from the first moment on must not take the floor before anybody has spoken."""
    return share(each.outcome.greeting_cut for each in results)


def gave_up(each: Result) -> bool:
    """Stopped for good, however late."""
    return each.outcome.stopped_at is not None


def pauses(results: Sequence[Result]) -> list[float]:
    """Of interruptions: onset to the first silent frame. A pause before the onset is no pause."""
    told = [each.outcome.pause_ms for each in results if each.clip.meant]
    return [each for each in told if each is not None]


def gaps(results: Sequence[Result]) -> list[float]:
    """Of what was no interruption: how long the bot was silent before it went on."""
    return [gap for each in results if not each.clip.meant for gap in each.outcome.gaps_ms]


def spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "p50": percentile(values, 50),
        "p95": percentile(values, 95),
        "max": percentile(values, 100),
        "n": len(values),
    }


def stop_words(results: Sequence[Result]) -> dict[str, Any]:
    """Hit: given up within HIT_S of the onset. False: a stop word decided where none was said."""
    said = [each for each in results if each.clip.meant and stop_word(each.clip)]
    others = [each for each in results if not each.clip.meant]
    hits = [(each.outcome.stop_ms or 1e9) <= HIT_S * 1000 for each in said]
    false = [any(STOP_REASON in why for _, _, why in each.outcome.decisions) for each in others]
    return {"hit": share(hits), "false": share(false), "n": len(said), "false_n": len(others)}


def brief(results: Sequence[Result]) -> dict[str, Any]:
    """One row of a comparison."""
    return {
        "stopped": stopped(results)["rate"],
        "false_stops": false_stops(results)["rate"],
        "pause_p50_ms": percentile(pauses(results), 50),
        "pause_p95_ms": percentile(pauses(results), 95),
        "resume_gap_p95_ms": percentile(gaps(results), 95),
        "n": len(results),
    }


def of_behaviour(results: Sequence[Result], name: str) -> dict[str, Any]:
    return brief([r for r in results if r.scene.behaviour == name and r.condition == CLEAN])


def kinds(results: Sequence[Result]) -> dict[str, float]:
    """Share stopped by what was said over the bot, share of false stops for what was no speech."""
    names = dict.fromkeys(each.clip.kind for each in results)
    of = {name: [each for each in results if each.clip.kind == name] for name in names}
    return {name: share(gave_up(each) for each in of[name]) for name in names}


def echo_figures(results: Sequence[Result]) -> dict[str, Any]:
    """The bot must not interrupt itself, and must still be interrupted.

    An interruption is lost in the echo if it stops the bot without the echo and not with it.
    """
    alone = [each for each in results if each.scene.clip is None]
    over = [each for each in results if each.scene.clip and each.scene.line.echo]
    without = {each.scene.seed: won(each) for each in results if not each.scene.line.echo}
    fair = [each for each in over if without[each.scene.seed]]
    loud = [each for each in fair if loss(each) >= JUDGED_LOSS_DB]
    return {
        "calls": len(alone),
        "self_interruptions": sum(itself(each) for each in alone),
        "self_stops": sum(gave_up(each) for each in alone),
        "lost_rate": share(not won(each) for each in loud),
        "lost_n": len(loud),
        "lost_rate_all": share(not won(each) for each in fair),
        "not_stopped_rate": share(not won(each) for each in over),
        "pause_p95_ms": percentile([p for e in loud if (p := e.outcome.pause_ms)], 95),
    }


def loss(each: Result) -> float:
    assert each.scene.line.echo is not None
    return each.scene.line.echo.return_loss_db


def itself(each: Result) -> bool:
    """Fell the bot silent, if only for a moment, though nobody spoke?"""
    return gave_up(each) or bool(each.outcome.silent_at)


def missed(results: Sequence[Result]) -> list[str]:
    """The calls that went wrong, for whoever wants to know why. Goes to var/, not into docs."""
    told = []
    for each in results:
        if each.scene.clip is None:
            wrong = itself(each)
            name = "nobody speaks"
        else:
            wrong = not won(each) if each.clip.meant else gave_up(each)
            name = each.clip.name
        if wrong:
            story = "; ".join(f"{at:.2f} {what}: {why}" for at, what, why in each.outcome.decisions)
            told.append(
                f"{each.condition} {each.scene.behaviour} {each.scene.line} {name} "
                f"onset {each.outcome.onset_at} pause {each.outcome.pause_ms} "
                f"stop {each.outcome.stop_ms} checks {each.outcome.checks} | {story}"
            )
    return told
