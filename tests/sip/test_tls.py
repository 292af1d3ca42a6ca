"""TLS as docs/trunks.md has it: Kamailio ends it, the bot hears Kamailio and nobody else."""

import asyncio
import socket
import ssl
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import check_config
from tests.support.baresip import BaresipCall, baresip_call
from tests.support.bot_process import BotMaker, BotProcess
from tests.support.certificates import certificate
from tests.support.kamailio import Kamailio, tls_front
from tests.support.rtp_wire import SPEECH_DB, level_db

CALL_S = 5


class Front:
    """A bot behind Kamailio, and a certificate callers trust."""

    def __init__(self, bot: BotProcess, kamailio: Kamailio, port: int, folder: Path, pem: str):
        self.bot, self.kamailio, self.port, self.folder, self.pem = bot, kamailio, port, folder, pem

    async def call(self) -> BaresipCall:
        """baresip over TLS; CALL_S of silence."""
        quiet = self.folder / "quiet.wav"
        with wave.open(str(quiet), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(16_000 * 60))
        settings = f"sip_cafile {self.pem}\n"
        uri = f"sip:1000@127.0.0.1:{self.port};transport=tls"
        return await asyncio.to_thread(
            baresip_call, uri, quiet, self.folder / "baresip", CALL_S, settings
        )

    def records(self) -> list[Any]:
        return self.bot.rows("SELECT * FROM calls")


@pytest.fixture
def front(make_bot: BotMaker, tmp_path: Path) -> Iterator[Front]:
    pem, key = certificate(tmp_path)
    bot = make_bot(config={"ai": {"mode": "mock"}, "sip": {"allow": ["127.0.0.1/32"]}})
    kamailio, port = tls_front(tmp_path / "front", bot.sip, pem, key)
    with kamailio:
        yield Front(bot, kamailio, port, tmp_path, pem)


async def test_a_caller_over_tls_hears_the_bot_and_hangs_up(front: Front) -> None:
    call = await front.call()
    assert call.established, call.output
    assert level_db(call.heard) > SPEECH_DB
    await asyncio.sleep(0.5)
    assert [row["end_reason"] for row in front.records()] == ["caller hung up"]


async def test_a_bye_of_the_bot_finds_its_way_back_over_tls(front: Front) -> None:
    calling = asyncio.ensure_future(front.call())
    while not any(row["answered"] for row in front.records()):
        await asyncio.sleep(0.1)
    front.bot.terminate()
    began = time.monotonic()
    assert await asyncio.to_thread(front.bot.wait) == 0
    assert time.monotonic() - began < 10
    assert [row["end_reason"] for row in front.records()] == ["shutdown"]
    call = await calling
    assert "session closed" in call.output.lower(), call.output


def test_it_shows_its_certificate_and_speaks_no_old_tls(front: Front) -> None:
    known = ssl.create_default_context(cafile=front.pem)
    address = ("127.0.0.1", front.port)
    with (
        socket.create_connection(address, 5) as line,
        known.wrap_socket(line, server_hostname="localhost") as tls,
    ):
        assert tls.version() in ("TLSv1.2", "TLSv1.3")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(address, 5) as line, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(line)


def test_the_bot_itself_refuses_tls_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[sip]\ntls_bind = "0.0.0.0:5061"\n')
    (fault,) = check_config(path, {})[1]
    assert fault.key == "sip.tls_bind"
    assert "OpenSSL 1.0.2k" in str(fault) and "Kamailio" in str(fault)
