"""Who can be called through the page, and whether this visitor may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.dialplan import Dialplan, decide
from bot.persona import Persona
from bot.web.grants import Grant
from bot.web.messages import Error


class Answering(Protocol):
    """Who answers which number now; `bot.library.Library` replaces both when it reads again."""

    personas: Mapping[str, Persona]
    plan: Dialplan


@dataclass(frozen=True, slots=True)
class Callee:
    """One choice of the page's picker."""

    number: str
    persona: str  # slug
    name: str
    description: str


def callees(who: Answering, grant: Grant) -> list[Callee]:
    """The plan's exact numbers that anybody may dial and this visitor may call, in order."""
    found = []
    for route in who.plan.routes:
        persona = who.personas.get(route.persona)
        exact = route.number and not route.number.endswith("*")
        if persona is None or not exact or route.callers:
            continue
        if grant.allows(number=route.number, persona=persona.slug):
            what = route.description or persona.description
            found.append(Callee(route.number, persona.slug, persona.name, what))
    return found


def may_call(who: Answering, grant: Grant, number: str, persona: str) -> Error | None:
    """None when this visitor may call this number or persona, else why not."""
    slug = persona
    if not persona:
        decision = decide(who.plan, number, "")
        slug = decision.route.persona if decision.route else ""
    if slug not in who.personas:
        return Error(code="not_found", text="Nobody answers that number.")
    if not grant.allows(number=number, persona=slug):
        return Error(code="forbidden", text="This link is for somebody else.")
    return None
