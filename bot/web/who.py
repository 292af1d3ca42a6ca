"""Who can be called through the page, and whether this visitor may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.dialplan import Decision, Dialplan
from bot.persona import Persona
from bot.web.links import ANY, Grant
from bot.web.messages import Error


class Answering(Protocol):
    """Who answers which number now; `bot.library.Library` replaces both when it reads again."""

    personas: Mapping[str, Persona]
    plan: Dialplan

    def decide(self, called: str, caller: str = "") -> Decision:
        """Who answers a number."""


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
        if grant.allows(number=route.number, personas_by_number=reached_by(who)):
            what = route.description or persona.description
            found.append(Callee(route.number, persona.slug, persona.name, what))
    return found


def reached_by(who: Answering) -> Callable[[str], str | None]:
    """Number → slug of the persona who answers it."""

    def persona_of(number: str) -> str | None:
        route = who.decide(number).route
        return route.persona if route else None

    return persona_of


def may_call(who: Answering, grant: Grant, number: str, persona: str) -> Error | None:
    """None when this visitor may call this number or persona, else why not."""
    if (persona or reached_by(who)(number)) not in who.personas:
        return Error(code="not_found", text="Nobody answers that number.")
    if not grant.allows(number=number, persona=persona, personas_by_number=reached_by(who)):
        return Error(code="forbidden", text="This link is for somebody else.")
    return None


def the_one(who: Answering, grant: Grant) -> Callee | None:
    """The persona a link is bound to, though no number of the picker reaches it."""
    persona = who.personas.get(grant.subject) if grant.subject != ANY else None
    return Callee("", persona.slug, persona.name, persona.description) if persona else None
