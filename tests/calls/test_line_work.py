"""Keys and transfers on a line, and what is told of them when the line goes away meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.calls.line_work import LineWork
from bot.engine.actions import SendDigits, TransferCall
from bot.engine.inputs import Input, TransferFailed
from bot.errors import LegError
from bot.legs.loopback import LoopbackLeg, loopback

TRANSFER = TransferCall(3, "sales", "sip:200@pbx.test")


class Desk:
    """Work on one end of a loopback line, and what was told."""

    def __init__(self, transfer: Any = None) -> None:
        self.phone, self.leg = loopback()
        if transfer is not None:
            self.leg.transfer = transfer  # type: ignore[method-assign]
        self.inputs: list[Input] = []
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.work = LineWork(
            self.leg, self.inputs.append, lambda kind, detail: self.notes.append((kind, detail))
        )


async def refused(target: str) -> None:
    raise LegError("transfer: 480 Temporarily Unavailable")


async def test_the_caller_is_put_through() -> None:
    desk = Desk()
    await desk.leg.answer()
    desk.work.transfer(TRANSFER)
    await asyncio.sleep(0.01)
    assert desk.phone.referred == "sip:200@pbx.test" and desk.work.transferred_to == "sales"
    assert desk.notes == [
        ("transfer", {"turn": 3, "to": "sales", "how": "blind", "outcome": "taken"})
    ]
    assert not desk.inputs


async def test_a_refusal_is_told_to_the_engine() -> None:
    desk = Desk(refused)
    desk.work.transfer(TRANSFER)
    await asyncio.sleep(0.01)
    assert desk.inputs == [TransferFailed(3)] and not desk.work.transferred_to
    assert desk.notes[0][1]["outcome"] == "transfer: 480 Temporarily Unavailable"


async def test_who_says_bye_because_they_were_put_through_is_told_of_as_such() -> None:
    """Many exchanges accept the REFER and end the line without another word."""
    line_gone = asyncio.Event()

    async def until_the_line_is_gone(target: str) -> None:
        await line_gone.wait()

    desk = Desk(until_the_line_is_gone)
    desk.work.transfer(TRANSFER)
    await asyncio.sleep(0)
    line_gone.set()
    await desk.work.close()
    assert desk.work.transferred_to == "sales" and desk.notes


async def test_nothing_is_waited_for_when_the_call_is_over() -> None:
    desk = Desk(lambda target: asyncio.sleep(3600))
    before = asyncio.all_tasks()
    desk.work.transfer(TRANSFER)
    await asyncio.wait_for(desk.work.close(), 5)
    assert asyncio.all_tasks() == before and not desk.work.transferred_to


async def test_keys_are_counted_and_not_told() -> None:
    desk = Desk()
    await desk.leg.answer()
    desk.work.send_digits(SendDigits(2, "12#"))
    await asyncio.sleep(0.01)
    digits = [event.digit for event in desk.phone.events() if hasattr(event, "digit")]
    assert digits == ["1", "2", "#"]
    assert desk.notes == [("digits sent", {"turn": 2, "count": 3, "outcome": "sent"})]


@pytest.mark.parametrize("error", [RuntimeError("a bug")])
async def test_a_bug_in_a_leg_ends_no_call(error: Exception) -> None:
    async def broken(target: str) -> None:
        raise error

    desk = Desk(broken)
    desk.work.transfer(TRANSFER)
    await asyncio.sleep(0.01)
    await desk.work.close()
    assert isinstance(desk.leg, LoopbackLeg) and not desk.work.transferred_to
