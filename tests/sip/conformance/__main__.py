"""`make conformance`: judge the bot by every case, print the table, keep it in docs/sip.md.

    python -m tests.sip.conformance [CASE ...]

Named cases are judged and printed, and nothing is written.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.sip.conformance.desk import made_bot
from tests.sip.conformance.ordeal import Ordeal, torture
from tests.sip.conformance.report import figures, show, write
from tests.sip.conformance.run import Outcome, run
from tests.sip.conformance.table import CASES

MUTATIONS = 10_000


def main(names: Sequence[str]) -> int:
    unknown = set(names) - set(CASES)
    if unknown:
        print(f"conformance: no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
        return 2
    outcomes, ordeal = asyncio.run(judged(names))
    show(outcomes)
    failed = any(each.wrong for each in outcomes)
    if ordeal is not None:
        told = figures(outcomes, ordeal)
        write(told)
        print(f"torture: {told['torture']}")
        for wrong in ordeal.broken:
            print(f"broken reply: {wrong}")
        failed = failed or not ordeal.passed
    return int(failed)


async def judged(names: Sequence[str]) -> tuple[list[Outcome], Ordeal | None]:
    with tempfile.TemporaryDirectory(prefix="conformance") as folder:
        bot = made_bot(Path(folder) / "bot")
        try:
            bot.start()
            outcomes = await run(bot, names)
            return outcomes, None if names else await torture(bot, MUTATIONS)
        finally:
            bot.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
