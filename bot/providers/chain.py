"""Providers in the order in which they are asked, until one answers.

Each is asked within its share of the deadline, a second time when that can help, and not at all
while its circuit is open. What a persona hears, thinks and speaks with (`fallback`) is made of
chains; a chain of one has the second try and the circuit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import stamina
from stamina.instrumentation import set_on_retry_hooks

from bot.errors import ProviderError, ProviderTimeout
from bot.providers.circuit import Circuit, CircuitState, Permit
from bot.providers.trail import LEFT_ALONE, missed

REFUSED = frozenset({"401", "402", "403"})  # the key or the account: wrong for every request
WAIT_S, WAIT_JITTER_S = 0.1, 0.2  # before a second try; a caller is listening to the silence
SHORTEST_TRY_S = 0.3  # with less time left no second try is begun

# stamina would log each retry with the error's text, which may quote a caller; the trail counts
set_on_retry_hooks([])


class Named(Protocol):
    """What a chain knows of its providers; the rest is up to the request."""

    @property
    def name(self) -> str: ...
    async def close(self) -> None: ...


P = TypeVar("P", bound=Named)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a chain tries."""

    deadline_s: float = 8.0  # for the answer; of a stream, for its first piece
    share_s: float = 3.0  # of it for one provider and its second try, while others are left
    attempts: int = 2  # of one provider


@dataclass(frozen=True, slots=True)
class Link(Generic[P]):
    provider: P
    circuit: Circuit


@dataclass(frozen=True, slots=True)
class Answered(Generic[P, T]):
    """An answer and who gave it; `succeeded` or `broke_off` tells the circuit."""

    value: T
    link: Link[P]
    permit: Permit

    def succeeded(self) -> None:
        self.link.circuit.succeeded(self.permit, _now())

    def broke_off(self, error: ProviderError) -> None:
        _judge(self.link, self.permit, error)


class Chain(Generic[P]):
    """At least one provider."""

    def __init__(self, links: Sequence[Link[P]], patience: Patience | None = None) -> None:
        self.links = tuple(links)
        self.patience = patience or Patience()

    @property
    def name(self) -> str:
        """Who is asked first."""
        return self.links[0].provider.name

    def part(self, which: slice) -> Chain[P]:
        return Chain(self.links[which], self.patience)

    def after(self, link: Link[P]) -> Chain[P] | None:
        """Those behind one of the chain, None when nobody of them would be asked."""
        begin = self.links.index(link) + 1
        return self.part(slice(begin, None)) if self._others(begin) else None

    async def ask(
        self, request: Callable[[P], Awaitable[T]], until: float | None = None
    ) -> Answered[P, T]:
        """The first answer to be had. Raises the ProviderError of whoever was asked last.

        `until` is a time of the event loop, by default `deadline_s` from now.
        """
        answer = await self.begin(request, until)
        answer.succeeded()
        return answer

    async def begin(
        self, request: Callable[[P], Awaitable[T]], until: float | None = None
    ) -> Answered[P, T]:
        """As `ask`, for a stream of which the first piece is there: the circuit waits to be told
        how it went on, by `succeeded` or `broke_off`."""
        end = _now() + self.patience.deadline_s if until is None else until
        failure: ProviderError | None = None
        for number, link in enumerate(self.links):
            share = min(end, _now() + self.patience.share_s) if self._others(number + 1) else end
            try:
                return await self._try(link, request, share)
            except ProviderError as error:
                if failure is None or error.code != LEFT_ALONE:
                    failure = error
            if _now() >= end:
                break
        assert failure is not None, "a chain without links"
        raise failure

    def _others(self, begin: int) -> bool:
        """Is there anybody after this one who would be asked?"""
        return any(
            each.circuit.state(_now()) is not CircuitState.OPEN for each in self.links[begin:]
        )

    async def _try(
        self, link: Link[P], request: Callable[[P], Awaitable[T]], until: float
    ) -> Answered[P, T]:
        tries = stamina.retry_context(
            partial(_again, link, until),
            attempts=self.patience.attempts,
            timeout=None,
            wait_initial=WAIT_S,
            wait_jitter=WAIT_JITTER_S,
        )
        async for attempt in tries:
            with attempt:
                return await _attempt(link, request, until)
        raise AssertionError("stamina gives up by raising")

    async def close(self) -> None:
        for link in self.links:
            await link.provider.close()


def _again(link: Link[P], until: float, error: Exception) -> bool | float:
    """Is a second try worth it: False, True after a short wait, or after so many seconds?"""
    if not isinstance(error, ProviderError) or not error.retryable:
        return False
    left_s = until - _now() - SHORTEST_TRY_S
    if link.circuit.state(_now()) is not CircuitState.CLOSED:
        return False
    if error.retry_after_s:
        return error.retry_after_s if error.retry_after_s <= left_s else False
    return left_s >= WAIT_S + WAIT_JITTER_S


async def _attempt(
    link: Link[P], request: Callable[[P], Awaitable[T]], until: float
) -> Answered[P, T]:
    """Ask once. Raises ProviderError, which the circuit and the trail know of then."""
    name, began = link.provider.name, _now()
    permit = link.circuit.ask(began)
    if permit is None:
        missed(name, LEFT_ALONE)
        what = "is left alone for a while, it failed too often"
        raise ProviderError(name, what, retryable=False, code=LEFT_ALONE)
    try:
        try:
            async with asyncio.timeout_at(until):
                return Answered(await request(link.provider), link, permit)
        except TimeoutError:
            raise ProviderTimeout(name, round(until - began, 1)) from None
    except ProviderError as error:
        _judge(link, permit, error)
        raise
    except BaseException:  # cancelled, or a bug: no word about the provider
        link.circuit.let_go(permit)
        raise


def _judge(link: Link[P], permit: Permit, error: ProviderError) -> None:
    """A failure goes to the trail; to the circuit only when it would befall other requests too."""
    missed(link.provider.name, error.code)
    if error.retryable or error.code in REFUSED:
        link.circuit.failed(permit, _now())
    else:
        link.circuit.let_go(permit)


def _now() -> float:
    """The event loop's clock, which a test may turn."""
    return asyncio.get_running_loop().time()
