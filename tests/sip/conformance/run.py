"""Runs the cases against one bot, as many at once as the bot takes calls."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module

from tests.sip.conformance.desk import Desk
from tests.sip.conformance.table import CASES, Case
from tests.support.bot_process import BotProcess

LINES = 4  # calls the bot takes at once
SLOW_S = 20.0  # cases that wait longer than this are left to `make conformance`
PATIENCE_S = 20.0  # beyond what a case waits when all goes well

for _group in ("codecs", "dialog", "trouble", "refused"):
    import_module(f"tests.sip.conformance.cases_{_group}")


@dataclass(frozen=True)
class Outcome:
    case: Case
    wrong: str  # empty: passed
    took_s: float


class Lines:
    """Lends the bot's lines."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._changed = asyncio.Condition()

    async def take(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= count)
            self._free -= count

    async def give_back(self, count: int) -> None:
        async with self._changed:
            self._free += count
            self._changed.notify_all()


async def judged(bot: BotProcess, case: Case, lines: Lines) -> Outcome:
    await lines.take(case.lines)
    desk, begun, wrong = Desk(bot), time.monotonic(), ""
    try:
        async with asyncio.timeout(case.wait_s + PATIENCE_S):
            await case.script(desk)
    except TimeoutError as error:
        line = traceback.extract_tb(error.__traceback__)
        here = [each.line for each in line if "cases_" in each.filename]
        wrong = f"nothing came: {here[-1] if here else 'in time'}"
    except (AssertionError, IndexError, OSError, ValueError) as error:
        wrong = str(error) or traceback.extract_tb(error.__traceback__)[-1].line or repr(error)
    took = time.monotonic() - begun
    await desk.close()
    await asyncio.sleep(0.1)  # until the bot has put down its phones
    await lines.give_back(case.lines)
    return Outcome(case, wrong, took)


async def run(bot: BotProcess, names: Iterable[str] = ()) -> list[Outcome]:
    """The named cases, or all of them; outcomes in the table's order.

    Those that hold all lines come first, then the longest.
    """
    chosen: Sequence[Case] = [CASES[name] for name in names] or list(CASES.values())
    lines = Lines(LINES)
    begun = sorted(chosen, key=lambda each: (-each.lines // LINES, -each.wait_s))
    tasks = [asyncio.create_task(judged(bot, each, lines)) for each in begun]
    done = {outcome.case.name: outcome for outcome in await asyncio.gather(*tasks)}
    return [done[each.name] for each in chosen]
