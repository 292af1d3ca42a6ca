"""`make conformance`: judge the bot by every case, print the table, keep it in docs/sip.md.

    python -m tests.sip.conformance [CASE ...]

Named cases are judged and printed, nothing is written.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.sip.conformance.desk import made_bot
from tests.sip.conformance.run import run


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="conformance") as folder:
        bot = made_bot(Path(folder) / "bot")
        try:
            bot.start()
            outcomes = asyncio.run(run(bot, sys.argv[1:]))
            if "-v" in sys.argv:
                print(bot.printed())
        finally:
            bot.stop()
    for each in outcomes:
        print(f"{each.case.name:22} {each.took_s:5.1f}  {each.wrong[:300]}")
    return int(any(each.wrong for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
