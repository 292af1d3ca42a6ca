"""Calls the bot makes: who is dialled by which trunk, and who speaks when they answer."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from bot.calls.manager import CallManager
from bot.errors import LegError
from bot.legs.base import Leg
from bot.library import Library

CALLER = r"^(\+?[0-9A-Za-z._-]{1,40})?$"
NUMBER = r"^\+?[0-9A-Za-z*#._-]{1,40}$"


class DialOrder(BaseModel):
    """Whom to call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str = Field(pattern=NUMBER, description="whom to call")
    trunk: str = Field("", max_length=32, description="by which trunk; empty: the only one")
    persona: str = Field(
        "", max_length=64, description="who speaks; empty: whoever answers the caller id's number"
    )
    caller: str = Field("", pattern=CALLER, description="number we call from; empty: the trunk's")


class Dialled(BaseModel):
    """A call that is on its way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    call_id: str = Field(description="of its record, which tells what became of it")
    trunk: str
    persona: str


class TrunkInfo(BaseModel):
    """How a trunk stands with its carrier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    standing: str = Field(
        description="registered, trying, refused, unreachable; peer: does not register"
    )
    server: str = Field(description="in use, or asked next")
    code: int = Field(description="SIP status of the last answer to a REGISTER; 0: none came")


class Dials(Protocol):
    """What a telephone endpoint has for it."""

    async def dial_by(self, trunk: str, number: str, *, caller: str = "") -> Leg: ...


class Outbound:
    """Of one worker."""

    def __init__(self, endpoint: Dials, manager: CallManager, library: Library) -> None:
        self._endpoint, self._manager, self._library = endpoint, manager, library

    async def dial(self, order: DialOrder) -> Dialled:
        """The call is on its way when this returns; its record tells the rest. Raises LegError
        when it cannot begin: no such trunk or persona, no free line, shutting down."""
        if self._manager.draining:
            raise LegError("the bot is shutting down")
        if order.persona and order.persona not in self._library.personas:
            there = ", ".join(self._library.personas)
            raise LegError(f"no persona is named {order.persona}; there is: {there}")
        leg = await self._endpoint.dial_by(order.trunk, order.number, caller=order.caller)
        info = leg.info
        persona = order.persona
        if not persona:
            route = self._library.decide(info.caller).route
            if route is None or not route.persona:
                await leg.hang_up()
                raise LegError("nobody answers the number we call from: name a persona")
            persona = route.persona
        why = f"the bot called through trunk {info.trunk}"
        call_id = self._manager.begin(leg, persona=persona, why=why)
        return Dialled(call_id=call_id, trunk=info.trunk, persona=persona)
