"""The table of cases: what is checked, and which document says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.sip.conformance.desk import Desk

Script = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """One case; its script asserts."""

    name: str
    checks: str  # one sentence
    source: str  # "RFC 3261 13.3"
    lines: int  # calls of the bot's four that it holds at once
    wait_s: float  # how long it takes when all goes well, the long ones begin first
    script: Script


CASES: dict[str, Case] = {}


def case(
    name: str, checks: str, source: str, *, lines: int = 1, wait_s: float = 2.0
) -> Callable[[Script], Script]:
    """Put a script into the table."""

    def put(script: Script) -> Script:
        assert name not in CASES, name
        CASES[name] = Case(name, checks, source, lines, wait_s, script)
        return script

    return put
