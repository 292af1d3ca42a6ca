"""A telephone endpoint of this process, and a caller of our own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.sip_desk import Desk
from tests.support.sip_wire import WirePhone


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as made:
        yield made


@pytest.fixture
async def phone(desk: Desk) -> AsyncIterator[WirePhone]:
    async with asyncio.timeout(60), WirePhone(desk.address) as made:
        yield made
