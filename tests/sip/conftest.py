"""A bot whose dialplan has every case the telephone tests need, and no default."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.bot_process import FAST_TURN, RECEPTION, BotProcess, shipped_persona
from tests.support.wire import WirePhone

SWITCHBOARD = {
    "routes": [
        {"number": "1000", "persona": RECEPTION},
        {"number": "1003", "persona": RECEPTION, "ring_s": 3.0},
    ]
}


@pytest.fixture(scope="package")
def switchboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """1000 answers at once, 1003 rings for three seconds, nobody else is there."""
    made = BotProcess(
        tmp_path_factory.mktemp("switchboard"),
        persona=FAST_TURN,
        personas={RECEPTION: shipped_persona(RECEPTION)},
        dialplan=SWITCHBOARD,
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def phone(switchboard: BotProcess) -> AsyncIterator[WirePhone]:
    """A wire caller of the switchboard; hangs up what a failed test left."""
    async with asyncio.timeout(120), WirePhone(switchboard.sip) as made:
        yield made
