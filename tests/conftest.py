"""Fixtures every test may use: a shared bot, and bots of one's own."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

# tests import tests.support and bot from the checkout, however pytest was started
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.bot_process import FAST_TURN, BotMaker, BotProcess


@pytest.fixture(scope="session")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """A bot with real local speech and the shipped personas (turns end after 700 ms).

    Shared by all tests that neither harm it nor need another configuration.
    """
    shared = BotProcess(tmp_path_factory.mktemp("bot"), persona=FAST_TURN)
    try:
        shared.start()
        yield shared
    finally:
        shared.stop()


@pytest.fixture
def make_bot(tmp_path: Path) -> Iterator[BotMaker]:
    """Bots for one test: make_bot(config={...}, persona={...}, dialplan={...}, start=False)."""
    maker = BotMaker(tmp_path)
    try:
        yield maker
    finally:
        maker.stop_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the bots printed under a test that failed."""
    report = yield
    if report.failed:
        used: dict[str, Any] = getattr(item, "funcargs", {})
        maker = used.get("make_bot")
        bots = [used.get("bot"), *(maker.made if isinstance(maker, BotMaker) else [])]
        for each in bots:
            if isinstance(each, BotProcess):
                report.sections.append((f"bot in {each.folder}", each.printed()[-20_000:]))
    return report
