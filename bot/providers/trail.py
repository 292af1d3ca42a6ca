"""What happened on the way to an answer: who failed, who was left alone, who answered.

Whoever asks a provider may watch: `with watching() as trail`. A chain that is asked in that task,
or in a task it starts, leaves its trail there; the protocols of the providers need not know. No
word of a caller is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

LEFT_ALONE = "circuit open"  # instead of an error's code


@dataclass(frozen=True, slots=True)
class Miss:
    """One provider that did not answer one attempt."""

    provider: str
    code: str  # ProviderError.code, or LEFT_ALONE

    def __str__(self) -> str:
        return f"{self.provider} {self.code}"


@dataclass(slots=True)
class Trail:
    """Of one request. `answered` is "" until somebody does, and when they broke off."""

    misses: list[Miss] = field(default_factory=list)
    answered: str = ""
    turns: int = 0  # how many began to answer; a voice that breaks off is followed by another


_watched: ContextVar[Trail | None] = ContextVar("trail", default=None)


@contextmanager
def watching() -> Iterator[Trail]:
    trail = Trail()
    token = _watched.set(trail)
    try:
        yield trail
    finally:
        _watched.reset(token)


def missed(provider: str, code: str) -> None:
    """It failed; where it had begun to answer, it broke off and nobody has answered yet."""
    if (trail := _watched.get()) is not None:
        trail.misses.append(Miss(provider, code))
        if trail.answered == provider:
            trail.answered = ""


def answered(provider: str) -> None:
    if (trail := _watched.get()) is not None:
        trail.answered = provider
        trail.turns += 1
