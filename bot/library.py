"""Personas and dialplan as one shelf that can be read again while calls go on.

A file that breaks after the start harms nobody: what it said last goes on serving, and the fault
is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from bot.config import Config
from bot.dialplan import Decision, Dialplan, check_plans, decide, merged, places, routes_of
from bot.errors import ConfigError
from bot.persona import Persona, check_persona, persona_files
from bot.toml_files import suggestion

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a reading of both folders found."""

    personas: dict[str, Persona]  # by slug; those whose file can be used
    broken: frozenset[str]  # slugs of persona files that cannot
    plan: Dialplan | None  # None when any of its files has a fault
    faults: tuple[ConfigError, ...]


class Library:
    """Who can answer and who is reached by which number.

    `webhooks` are the hosts that personas may call, `region` the country of numbers without a
    country code (see bot.numbers). Raises ConfigError when a file is broken at the first reading.
    `personas` and `plan` are replaced as a whole by `reload`, so a call that took one keeps it to
    its end.
    """

    def __init__(
        self,
        personas_dir: Path,
        dialplans_dir: Path,
        webhooks: Sequence[str] = (),
        region: str = "",
    ) -> None:
        self._region = region
        self._read = partial(read_shelf, personas_dir, dialplans_dir, webhooks, region)
        shelf = self._read()
        if shelf.plan is None or shelf.faults:
            raise shelf.faults[0]
        self.personas: Mapping[str, Persona] = shelf.personas
        self.plan: Dialplan = shelf.plan

    def decide(self, called: str, caller: str = "") -> Decision:
        """Who answers, by the plan as it is now."""
        return decide(self.plan, called, caller, self._region)

    def reload(self) -> list[ConfigError]:
        """Read both folders again; the faults found, empty when everything is fresh.

        A broken persona keeps its last good form, a broken plan stays as it was, and so does
        every persona that the kept plan still sends callers to.
        """
        shelf = self._read()
        plan = shelf.plan or self.plan
        kept = shelf.broken if shelf.plan else shelf.broken | _wanted(self.plan)
        old = {slug: each for slug, each in self.personas.items() if slug in kept}
        self.personas, self.plan = old | shelf.personas, plan
        for fault in shelf.faults:
            log.error("file not taken over", file=fault.file, key=fault.key)
        return list(shelf.faults)


def library_of(config: Config) -> Library:
    """As `config` has it. Raises ConfigError, see Library."""
    return Library(
        config.personas.dir, config.dialplans.dir, config.webhooks.allow, config.sip.region
    )


def read_shelf(
    personas_dir: Path, dialplans_dir: Path, webhooks: Sequence[str] = (), region: str = ""
) -> Shelf:
    """Everything that stands in both folders, and everything wrong with it."""
    personas: dict[str, Persona] = {}
    broken: set[str] = set()
    faults: list[ConfigError] = []
    for path in persona_files(personas_dir):
        persona, found = check_persona(path, webhooks)
        faults += found
        if persona:
            personas[path.stem] = persona
        else:
            broken.add(path.stem)
    if not personas and not broken:
        what, remedy = "holds no persona.", "Put a .toml file there."
        faults.append(ConfigError(str(personas_dir), "", what, remedy))
    plans, plan_faults = check_plans(dialplans_dir, region)
    known = sorted([*personas, *broken])  # a broken file is one fault, not one per route to it
    for path, place, route in places(plans):
        if route.persona and route.persona not in known:
            what = f'is "{route.persona}", which no file in {personas_dir} describes.'
            remedy = suggestion(route.persona, known)
            plan_faults.append(ConfigError(str(path), f"{place}.persona", what, remedy))
    plan = None if plan_faults else merged(plans)
    return Shelf(personas, frozenset(broken), plan, (*faults, *plan_faults))


def _wanted(plan: Dialplan) -> frozenset[str]:
    return frozenset(route.persona for route in routes_of(plan))
