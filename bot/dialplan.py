"""A dialplan: which number reaches which persona. All files of the folder count as one plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from bot.toml_files import read_toml, validate


class Route(BaseModel):
    """One line of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str = Field(
        "", pattern=r"^\+?[0-9A-Za-z._*#-]*\*?$", description="number; a last * matches any rest"
    )
    persona: str = Field(min_length=1, description="slug of the persona who answers")
    callers: list[str] = Field([], description="only for callers starting with one of these")
    ring_s: float = Field(0.0, ge=0, le=60, description="ring this long before answering")
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


def load_dialplan(folder: Path) -> Dialplan:
    """Every *.toml of the folder as one plan, in the order of their names. Raises ConfigError."""
    plans = [validate(Dialplan, read_toml(path), path) for path in sorted(folder.glob("*.toml"))]
    routes = [route for plan in plans for route in plan.routes]
    defaults = [plan.default for plan in plans if plan.default]
    return Dialplan(routes=routes, default=defaults[0] if defaults else None)


def decide(plan: Dialplan, called: str, caller: str) -> Decision:
    """The most specific route wins: exact before pattern, longer before shorter, then file order."""
    matches = [route for route in plan.routes if _fits(route, called, caller)]
    if matches:
        best = max(matches, key=_specificity)
        return Decision(best, f"{called} matches route {best.number}")
    if plan.default:
        return Decision(plan.default, f"no route for {called}: the default answers")
    return Decision(None, f"no route for {called} and no default")


def _fits(route: Route, called: str, caller: str) -> bool:
    if route.callers and not any(caller.startswith(start) for start in route.callers):
        return False
    if route.number.endswith("*"):
        return called.startswith(route.number[:-1])
    return called == route.number


def _specificity(route: Route) -> tuple[bool, int, bool]:
    return (not route.number.endswith("*"), len(route.number), bool(route.callers))
