"""baresip and linphone, telephones of somebody else's making, do what callers do with theirs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.sip.conformance.desk import ASKS_FOR_SALES, TRANSFERS, made_bot
from tests.support.bot_process import BotProcess
from tests.support.g711 import Pcm
from tests.support.phone import read_wav, silence, write_wav
from tests.support.ports import free_port
from tests.support.records import events_of, record_of
from tests.support.rtp_wire import level_db
from tests.support.softphones import Baresip, Linphone
from tests.support.wire_callee import WireCallee

SALES_PORT = free_port()


@pytest.fixture(scope="module")
def phoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """A bot with fake speech whose sales department is a wire caller of ours."""
    sales = f"sip:200@127.0.0.1:{SALES_PORT}"
    # linphone names an address of this machine and sends from another one
    made = made_bot(tmp_path_factory.mktemp("phoned"), sales=sales, rtp_from_anywhere=True)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def buzz(seconds: float) -> Pcm:
    """What the fakes take for speech."""
    at = np.arange(round(seconds * 8000)) / 8000
    tone = sum(np.cos(2 * np.pi * 140 * k * at) / k for k in range(1, 9))
    return (2500 * (0.6 + 0.4 * np.cos(2 * np.pi * 5 * at)) * tone).astype(np.int16)


def address(bot: BotProcess, number: str = "1000") -> str:
    return f"sip:{number}@{bot.sip[0]}:{bot.sip[1]}"


def newest(bot: BotProcess) -> sqlite3.Row:
    """The closed record of the last call."""
    rows = bot.rows("SELECT leg_id FROM calls ORDER BY started DESC LIMIT 1")
    return record_of(bot, rows[0]["leg_id"])


def uses_its_keys(phone: Baresip | Linphone, bot: BotProcess, codec: str, digits: str) -> None:
    """A call with hold and keys, from the greeting to the BYE, as the record has it."""
    phone.dial(address(bot))
    leg = bot.rows("SELECT leg_id FROM calls ORDER BY started DESC LIMIT 1")[0]["leg_id"]
    _until(bot, leg, "state", 2)  # the greeting is over
    phone.hold()
    _until(bot, leg, "hold")
    phone.resume()
    _until(bot, leg, "unhold")
    phone.press(digits)
    _until(bot, leg, "digit", len(digits))
    phone.hang_up()
    record = newest(bot)
    assert record["codec"] == codec and record["end_reason"] == "caller hung up"
    assert record["rtp_received"] > 10  # linphone has no sound card and sends little
    assert "".join(each["digit"] for each in events_of(bot, leg, "digit")) == digits


def loudest(folder: Path) -> float:
    """dBFS of the loudest of what baresip recorded."""
    return max(level_db(read_wav(path)[0]) for path in folder.glob("dump-*-dec.wav"))


def _until(bot: BotProcess, leg: str, kind: str, times: int = 1) -> None:
    for _ in range(80):
        if len(events_of(bot, leg, kind)) >= times:
            return
        asyncio.run(asyncio.sleep(0.05))
    raise AssertionError(f"{kind} came {len(events_of(bot, leg, kind))} times")


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_baresip_calls_holds_and_presses_keys(
    phoned: BotProcess, tmp_path: Path, codec: str
) -> None:
    quiet = write_wav(tmp_path / "quiet.wav", silence(30))
    rate = 16000 if codec == "G722" else 8000
    with Baresip(tmp_path / "phone", quiet, codec=f"{codec}/{rate}/1") as phone:
        uses_its_keys(phone, phoned, codec, "42*#")
    assert loudest(tmp_path / "phone") > -40, "it heard no greeting"


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_linphone_calls_holds_and_presses_keys(
    phoned: BotProcess, tmp_path: Path, codec: str
) -> None:
    with Linphone(tmp_path / "phone", codec=codec) as phone:
        uses_its_keys(phone, phoned, codec, "42*")  # its console has no way to type #


async def test_baresip_follows_a_transfer(phoned: BotProcess, tmp_path: Path) -> None:
    speech = write_wav(
        tmp_path / "speech.wav", np.concatenate([silence(1.5), buzz(1.0), silence(20)])
    )
    async with WireCallee(phoned.sip, port=SALES_PORT) as sales:
        with Baresip(tmp_path / "phone", speech) as phone:
            sales.target = phone.sip  # a wire caller answers to one address alone
            await asyncio.to_thread(phone.dial, address(phoned, TRANSFERS[0]))
            call = await sales.next_call(12)
            assert len(sales.invites) == 1
            record = await asyncio.to_thread(newest, phoned)
            assert "transferred" in record["end_reason"]
            await call.hang_up()


async def test_linphone_follows_a_transfer(phoned: BotProcess, tmp_path: Path) -> None:
    async with WireCallee(phoned.sip, port=SALES_PORT) as sales:
        with Linphone(tmp_path / "phone") as phone:
            sales.target = phone.sip
            await asyncio.to_thread(phone.dial, address(phoned, ASKS_FOR_SALES))
            await asyncio.to_thread(phone.press, "0")
            call = await sales.next_call(12)
            assert len(sales.invites) == 1
            record = await asyncio.to_thread(newest, phoned)
            assert "transferred" in record["end_reason"]
            await call.hang_up()


def test_linphone_talks_by_srtp_alone(phoned: BotProcess, tmp_path: Path) -> None:
    with Linphone(tmp_path / "phone", encryption="srtp") as phone:
        uses_its_keys(phone, phoned, "PCMU", "42*")
    assert loudest(tmp_path / "phone") > -40, "what it deciphered is no speech"


def test_baresip_talks_by_srtp_alone(phoned: BotProcess, tmp_path: Path) -> None:
    quiet = write_wav(tmp_path / "quiet.wav", silence(30))
    with Baresip(tmp_path / "phone", quiet, encryption="srtp-mand") as phone:
        uses_its_keys(phone, phoned, "PCMU", "5")
    assert loudest(tmp_path / "phone") > -40, "what it deciphered is no speech"
