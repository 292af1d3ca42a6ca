"""Browser calls through a whole bot: what is left when a worker dies, and how it says goodbye."""

from __future__ import annotations

import asyncio
import signal
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.audio.frame import level_db
from tests.support.bot_process import BotMaker, BotProcess
from tests.support.ports import free_port
from tests.support.web_phone import WebPhone, over_http


@pytest.fixture
def bot(make_bot: BotMaker) -> BotProcess:
    """Two web workers with one line each."""
    bind = f"127.0.0.1:{free_port()}"
    web = {"bind": bind, "workers": 2, "max_calls_per_worker": 1}
    made = make_bot(config={"web": web, "ai": {"mode": "mock"}})
    made.until_printed("Talk:")
    return made


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def dial(bot: BotProcess, session: aiohttp.ClientSession) -> WebPhone:
    base = f"http://{bot.config['web']['bind']}"
    phone = await over_http(base, session=session)
    await phone.answered(5)
    return phone


async def hear_voice(phone: WebPhone) -> None:
    async for frame in phone.frames():
        if level_db(frame) > -45:
            return


async def closed(bot: BotProcess, count: int) -> list[dict[str, object]]:
    deadline = time.monotonic() + 5
    while True:
        rows = [dict(row) for row in bot.rows("SELECT * FROM calls WHERE ended IS NOT NULL")]
        if len(rows) >= count:
            return rows
        assert time.monotonic() < deadline, "the record was not closed"
        await asyncio.sleep(0.05)


async def test_a_dead_worker_leaves_its_record_and_the_other_call_goes_on(
    bot: BotProcess, session: aiohttp.ClientSession
) -> None:
    phones = [await dial(bot, session), await dial(bot, session)]
    for each in phones:
        await hear_voice(each)
    await asyncio.sleep(1.5)  # something to be recorded
    second = bot.worker("web worker 2")
    second.send_signal(signal.SIGKILL)
    (record,) = await closed(bot, 1)
    assert record["end_reason"] == "web worker 2 died" and record["worker_pid"] == second.pid
    with wave.open(str(Path(str(record["recording"])))) as file:
        assert file.getnframes() / file.getframerate() > 0.5
    bot.until_printed("web worker 2 ready", times=2)
    assert bot.rows("SELECT count(*) AS n FROM calls WHERE ended IS NULL")[0]["n"] == 1
    phones.append(await dial(bot, session))  # the line of the dead one is free again
    await hear_voice(phones[-1])
    for each in phones:
        await each.hang_up()


async def test_a_shutdown_says_goodbye_to_browsers_too(
    bot: BotProcess, session: aiohttp.ClientSession
) -> None:
    phone = await dial(bot, session)
    await hear_voice(phone)
    listening = asyncio.ensure_future(_all(phone))
    bot.terminate()
    heard = await asyncio.wait_for(listening, 10)
    assert phone.ended is not None
    assert any(level_db(frame) > -45 for frame in heard[-150:]), "the goodbye is heard to its end"
    assert await asyncio.to_thread(bot.wait) == 0
    (record,) = await closed(bot, 1)
    assert record["end_reason"] == "shutdown"
    await phone.close()


async def _all(phone: WebPhone) -> list[object]:
    return [frame async for frame in phone.frames()]
