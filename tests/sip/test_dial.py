"""The bot calls somebody through a carrier: by command, by API, and what the record tells."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.bot_process import RECEPTION, RECEPTION_PLAN, ROOT, BotProcess, shipped_persona
from tests.support.kamailio import Kamailio, carrier
from tests.support.ports import free_port
from tests.support.records import record_of
from tests.support.wire_callee import WireCallee

USER, PASSWORD = "4930555", "correct horse"
BUSY, TAKES = "4930999", "4930111"


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {TAKES: free_port(), BUSY: free_port()}


@pytest.fixture(scope="module")
def kamailio(tmp_path_factory, ports) -> Iterator[Kamailio]:
    to = "".join(
        f'if ($rU == "{number}") $du = "sip:127.0.0.1:{port}";\n' for number, port in ports.items()
    )
    with carrier(
        tmp_path_factory.mktemp("carrier"), user=USER, password=PASSWORD,
        outbound=f"{to} t_relay(); exit;",
    ) as made:  # fmt: skip
        yield made


@pytest.fixture(scope="module")
def bot(tmp_path_factory, kamailio) -> Iterator[BotProcess]:
    trunk = {
        "name": "acme",
        "servers": [kamailio.address],
        "user": USER,
        "caller_id": USER,
        "caller_id_in": "P-Asserted-Identity",
    }
    made = BotProcess(
        tmp_path_factory.mktemp("bot"),
        config={"ai": {"mode": "mock"}, "sip": {"trunk": [trunk]}},
        personas={RECEPTION: shipped_persona(RECEPTION)},
        dialplan=RECEPTION_PLAN,
    )
    with pytest.MonkeyPatch.context() as patch:
        secret = made.folder / "secret"
        secret.write_text(PASSWORD + "\n")
        patch.setenv("SIP_TRUNK_ACME_PASSWORD_FILE", str(secret))
        made.start()
    try:
        made.until_printed("standing=registered")
        yield made
    finally:
        made.stop()
        assert kamailio.seen("REGISTER")[-1]["expires"] == "0", "it leaves when it ends"


@pytest.fixture
async def callee(kamailio, ports) -> AsyncIterator[WireCallee]:
    async with WireCallee(("127.0.0.1", kamailio.port), port=ports[TAKES]) as made:
        yield made


async def dial(bot: BotProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return await run(bot, "dial", *words)


async def run(bot: BotProcess, *words: str) -> subprocess.CompletedProcess[str]:
    """A command beside the running bot."""
    command = [sys.executable, "-m", "bot", *words, "-c", str(bot.folder / "config.toml")]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


async def test_a_command_makes_the_bot_call_and_greet(bot, callee) -> None:
    done = await dial(bot, TAKES, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["trunk"], told["persona"]) == ("acme", RECEPTION)
    call = await callee.next_call()
    assert f"sip:{USER}@" in callee.invites[0].get("from")
    await call.quiet(0.6)
    assert await call.hang_up() == 200
    record = record_of(bot, call.call_id)
    assert record["id"] == told["call_id"]
    assert (record["caller"], record["called"]) == (USER, TAKES)
    assert record["route_why"] == "the bot called through trunk acme"
    assert (record["direction"], record["trunk"]) == ("out", "acme")
    assert record["end_reason"] == "called party hung up" and record["answered"]


async def test_the_api_does_the_same_with_another_caller_id(bot, callee) -> None:
    order = {"number": TAKES, "persona": RECEPTION, "caller": "4930777"}
    url = f"http://{bot.config['web']['bind']}"
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/api/dial", json=order)
        assert answer.status_code == 202, answer.text
        call = await callee.next_call()
        invite = callee.invites[0]
        assert "sip:4930777@" in invite.get("p-asserted-identity")
        assert f"sip:{USER}@" in invite.get("from"), "the account"
        await call.hang_up()
        trunks = (await client.get("/api/trunks")).json()["trunks"]
        assert [each["standing"] for each in trunks] == ["registered"]
        page = (await client.get("/status")).text
        assert "acme" in page and "registered" in page
        wrong = await client.post("/api/dial", json=order | {"number": "sip:a@b"})
        assert wrong.status_code == 400
        nobody = await client.post("/api/dial", json=order | {"trunk": "other"})
        assert nobody.status_code == 409 and "there is: acme" in nobody.text
        cross = await client.post("/api/dial", json=order, headers={"Origin": "http://evil.test"})
        assert cross.status_code == 403


async def test_who_is_busy_is_told_in_the_record(bot, kamailio, ports) -> None:
    async with WireCallee(("127.0.0.1", kamailio.port), status=486, port=ports[BUSY]) as busy:
        done = await dial(bot, BUSY)
        assert done.returncode == 0, done.stderr
        await asyncio.sleep(0.2)
        record = record_of(bot, busy.invites[0].get("call-id"))
    assert record["end_reason"].startswith("line failed: 486") and not record["answered"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["49", "--persona", "nobody"], "no persona is named nobody; there is: "),
        (["49", "--trunk", "other"], "no trunk is named other; there is: acme"),
        (["4 9"], "pattern"),
    ],
)
async def test_a_call_that_cannot_begin_is_one_line(bot, words, why) -> None:
    done = await dial(bot, *words)
    assert done.returncode == 2 and why in done.stderr and done.stderr.count("\n") == 1


async def test_without_a_bot_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    command = [sys.executable, "-m", "bot", "dial", "49", "-c", str(tmp_path / "config.toml")]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2 and "no bot answers" in done.stderr


def test_neither_numbers_nor_the_password_go_to_the_log(bot) -> None:
    for word in (PASSWORD, TAKES, BUSY, USER):
        assert word not in bot.printed()


def test_a_missing_password_is_one_clear_line(tmp_path) -> None:
    trunk = {"name": "acme", "servers": ["127.0.0.1"], "user": USER}
    made = BotProcess(
        tmp_path, config={"ai": {"mode": "mock"}, "sip": {"trunk": [trunk]}},
        personas={RECEPTION: shipped_persona(RECEPTION)}, dialplan=RECEPTION_PLAN,
    )  # fmt: skip
    made.start(wait=False)
    try:
        assert made.wait(30) == 2
        assert "SIP_TRUNK_ACME_PASSWORD: is not set, and trunk acme registers." in made.printed()
    finally:
        made.stop()


async def test_check_live_tells_how_the_trunks_of_the_running_bot_stand(bot) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIP_TRUNK_ACME_PASSWORD", PASSWORD)
        done = await run(bot, "check", "--live")
    assert done.returncode == 0, done.stderr
    assert "trunk acme: registered at 127.0.0.1:" in done.stdout


async def test_a_worker_that_was_killed_is_followed_by_one_that_registers(bot, callee) -> None:
    bot.worker("sip").kill()
    await asyncio.to_thread(bot.until_printed, "standing=registered", times=2, timeout=20)
    assert (await dial(bot, TAKES)).returncode == 0
    call = await callee.next_call()
    assert await call.hang_up() == 200
