"""A dialplan: which number reaches which persona. All files of the folder count as one plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.errors import ConfigError
from bot.numbers import beginnings, one_spelling, spellings
from bot.toml_files import inspect, read_toml

DESTINATIONS = ("persona", "reject", "redirect")


class Route(BaseModel):
    """One line of the plan: who answers, or why nobody does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str = Field(
        "",
        pattern=r"^\+?[0-9A-Za-z._*# ()/-]*\*?$",
        description="number; a last * matches any rest",
    )
    persona: str = Field("", description="slug of the persona who answers")
    reject: int = Field(0, ge=400, le=699, description="SIP status the caller gets instead: 486")
    reason: str = Field(
        "", pattern=r"^[ -~]{0,60}$", description="its reason phrase; empty: the usual one"
    )
    redirect: str = Field(
        "", pattern=r"^(sips?:[^<>\s@]+@|tel:)[^<>\s]+$",
        description="SIP address the caller is sent to instead (302)",
    )  # fmt: skip
    callers: list[str] = Field([], description="only for callers starting with one of these")
    ring_s: float = Field(0.0, ge=0, le=60, description="ring this long before answering")
    early: Literal["", "ringback", "prompt"] = Field(
        "", description="what is sent before the answer (183): ringback, or a prompt"
    )
    early_text: str = Field(
        "", max_length=500, description="the prompt, in the persona's voice; ring_s may be longer"
    )
    description: str = ""


class Dialplan(BaseModel):
    """The whole of a dialplan file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    routes: list[Route] = []
    default: Route | None = Field(None, description="who answers every other number")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who answers a call, and why."""

    route: Route | None  # None: nobody, the caller hears 404
    why: str  # one sentence for `bot route` and the call record


def load_dialplan(folder: Path, region: str = "") -> Dialplan:
    """Every *.toml of the folder as one plan, in the order of their names.

    Raises ConfigError for the first fault. Whether the personas exist is the library's question.
    """
    plans, wrong = check_plans(folder, region)
    if wrong:
        raise wrong[0]
    return merged(plans)


def check_plans(folder: Path, region: str = "") -> tuple[dict[Path, Dialplan], list[ConfigError]]:
    """The plan of each file that can be used, and every fault of the folder.

    `region`: the country of numbers without a country code, see `bot.numbers`.
    """
    plans: dict[Path, Dialplan] = {}
    wrong: list[ConfigError] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            plan, found = inspect(Dialplan, read_toml(path), path)
        except ConfigError as error:
            plan, found = None, [error]
        wrong += found
        if plan:
            plans[path] = plan
            wrong += _destinations(path, plan)
    if not plans and not wrong:
        what, remedy = "holds no dialplan.", "Put a .toml file with a [default] there."
        wrong.append(ConfigError(str(folder), "", what, remedy))
    return plans, wrong + _clashes(plans, region)


def merged(plans: dict[Path, Dialplan]) -> Dialplan:
    """All files as one plan; the first default counts."""
    defaults = [plan.default for plan in plans.values() if plan.default]
    return Dialplan(
        routes=[route for plan in plans.values() for route in plan.routes],
        default=defaults[0] if defaults else None,
    )


def routes_of(plan: Dialplan) -> list[Route]:
    """All of them, the default last."""
    return [*plan.routes, *([plan.default] if plan.default else [])]


def places(plans: dict[Path, Dialplan]) -> Iterator[tuple[Path, str, Route]]:
    """Every route with its file and its place there, "routes[1]" or "default"."""
    for path, plan in plans.items():
        for number, route in enumerate(plan.routes, start=1):
            yield path, f"routes[{number}]", route
        if plan.default:
            yield path, "default", plan.default


def _destinations(path: Path, plan: Dialplan) -> Iterator[ConfigError]:
    """Routes that lead nowhere, or to several places at once."""
    for _, place, route in places({path: plan}):
        told = [key for key in DESTINATIONS if getattr(route, key)]
        if not told:
            remedy = "Add it, or reject or redirect instead."
            yield ConfigError(str(path), f"{place}.persona", "is missing.", remedy)
        elif len(told) > 1:
            what = f"stands beside {told[0]}."
            yield ConfigError(str(path), f"{place}.{told[1]}", what, "Keep one of them.")
        if route.reason and not route.reject:
            what, remedy = "is for reject only.", "Remove it."
            yield ConfigError(str(path), f"{place}.reason", what, remedy)
        yield from _early_faults(str(path), place, route)


def _early_faults(file: str, place: str, route: Route) -> Iterator[ConfigError]:
    if route.early and not route.persona:
        what, remedy = "is for routes with a persona.", "Remove it."
        yield ConfigError(file, f"{place}.early", what, remedy)
    elif route.early == "ringback" and not route.ring_s:
        what, remedy = "has no time to be heard.", "Set ring_s."
        yield ConfigError(file, f"{place}.early", what, remedy)
    if (route.early == "prompt") != bool(route.early_text):
        what = "is missing." if route.early == "prompt" else 'is for early = "prompt" only.'
        remedy = "Write what is to be said." if route.early == "prompt" else "Remove it."
        yield ConfigError(file, f"{place}.early_text", what, remedy)


def _clashes(plans: dict[Path, Dialplan], region: str) -> list[ConfigError]:
    """Routes without a number, numbers told twice, more than one default."""
    wrong: list[ConfigError] = []
    taken: dict[tuple[str, frozenset[str]], str] = {}
    for path, place, route in places(plans):
        here = f"{path}: {place}"
        if place == "default":
            who: tuple[str, frozenset[str]] = ("", frozenset())
            if route.number or route.callers:
                what = "has a number or callers."
                remedy = "Make it one of the [[routes]], or remove them."
                wrong.append(ConfigError(str(path), place, what, remedy))
        elif not route.number:
            what, remedy = "is missing.", "Add it; a route without one is never reached."
            wrong.append(ConfigError(str(path), f"{place}.number", what, remedy))
            continue
        else:
            callers = frozenset(one_spelling(f"{start}*", region) for start in route.callers)
            who = (one_spelling(route.number, region), callers)
        if who in taken:
            what = f"comes after {taken[who]}, which answers the same calls."
            wrong.append(ConfigError(str(path), place, what, "Remove one of the two."))
        taken.setdefault(who, here)
    return wrong


def ends_in(route: Route) -> str:
    """Where a route leads, in a few words."""
    if route.reject:
        return f"refused: {route.reject} {route.reason}".rstrip()
    return f"sent to {route.redirect}" if route.redirect else route.persona


def decide(plan: Dialplan, called: str, caller: str, region: str = "") -> Decision:
    """The most specific route wins: exact before pattern, long before short, then file order.

    Numbers are compared however they are written, see `bot.numbers.spellings`.
    """
    dialled, calling = spellings(called, region), spellings(caller, region)
    matches = [
        (specific, route)
        for route in plan.routes
        if (specific := _fit(route, dialled, calling, region)) is not None
    ]
    if matches:
        best = max(matches, key=lambda each: each[0])[1]
        only = " for this caller" if best.callers else ""
        return Decision(best, f"{called} matches route {best.number}{only}")
    if plan.default:
        return Decision(plan.default, f"no route for {called}: the default answers")
    return Decision(None, f"no route for {called} and no default")


def _fit(
    route: Route, called: frozenset[str], caller: frozenset[str], region: str
) -> tuple[bool, int, bool] | None:
    """How closely a route says who it is for; None when it is for others."""
    starts = [each for start in route.callers for each in beginnings(start, region)]
    if starts and not any(each.startswith(tuple(starts)) for each in caller):
        return None
    exact = not route.number.endswith("*")
    if exact:
        fitting = spellings(route.number, region) & called
    else:
        ways = beginnings(route.number[:-1], region)
        fitting = frozenset(way for way in ways if any(each.startswith(way) for each in called))
    if not fitting:
        return None
    return (exact, max(map(len, fitting)), bool(route.callers))
