"""`check --live` against servers of this machine: how long each took, or exactly why not."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.providers.live_check import try_all
from tests.providers.clouds import PERSONA, cloud, config_for
from tests.providers.vendor_server import KEY, VendorServer, delta

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("personas", "dialplans"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def check(
    folder: Path, groq: VendorServer, sarvam: VendorServer, timeout_s: float = 5.0
) -> Result:
    """The command, in a thread: it has a loop of its own."""
    (folder / "config.toml").write_text(
        f'[ai]\nstt = ["groq", "sarvam"]\nllm = "groq"\ntts = "groq"\ntimeout_s = {timeout_s}\n'
        f'[groq]\nbase_url = "{groq.base_url}"\n[sarvam]\nbase_url = "{sarvam.base_url}"\n'
    )
    return await asyncio.to_thread(CliRunner().invoke, cli, ["check", "--live"])


async def test_who_answers_is_told_with_the_time_it_took(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, "groq") as groq, cloud(monkeypatch, "sarvam") as sarvam:
        groq.speaks = True
        groq.events(delta("Hello.", "stop"), "[DONE]")
        result = await check(folder, groq, sarvam)
    assert result.exit_code == 0
    told = [re.sub(r"\d+ ms", "N ms", line) for line in result.stdout.splitlines()[4:]]
    assert told == ["stt groq: N ms", "stt sarvam: N ms", "llm groq: N ms", "tts groq: N ms"]
    assert (len(groq.asked), len(sarvam.asked)) == (3, 1)
    assert KEY not in result.output


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "HTTP 401: no, thank you (check the key in GROQ_API_KEY). Put a valid key there."),
        (404, "HTTP 404: no, thank you. Look at the address and the model's name"),
        (429, "HTTP 429: no, thank you. Wait, or raise the limits of your account."),
        (500, "HTTP 500: no, thank you. Try again; if it stays, name another provider."),
    ],
)
async def test_who_refuses_is_told_with_reason_and_remedy(
    status: int, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, "groq") as groq, cloud(monkeypatch, "sarvam") as sarvam:
        groq.status = status
        result = await check(folder, groq, sarvam)
    assert result.exit_code == 2
    for kind in ("stt", "llm", "tts"):
        assert f"{kind} groq: {told}" in result.stderr
    assert "stt sarvam: " in result.stdout
    assert KEY not in result.output


async def test_who_is_late_silent_or_gone_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, "groq") as groq:
        async with cloud(monkeypatch, "sarvam") as sarvam:
            pass
        groq.events("[DONE]")
        groq.stall = True
        result = await check(folder, groq, sarvam, 0.4)
    assert result.exit_code == 2
    assert "stt groq: no answer within 0.4 s. Look at the network" in result.stderr
    assert "stt sarvam: ConnectError at http://127.0.0.1:" in result.stderr
    assert "llm groq: answered nothing. Try again" in result.stderr
    assert "tts groq: not a WAV" in result.stderr


async def test_a_wrong_key_is_told_and_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloud(monkeypatch, "groq") as groq, cloud(monkeypatch, "sarvam") as sarvam:
        monkeypatch.setenv("GROQ_API_KEY", "gsk_somebody_elses_0123")
        result = await check(folder, groq, sarvam)
    assert result.exit_code == 2
    assert "llm groq: HTTP 401: Invalid API Key (check the key in GROQ_API_KEY)" in result.stderr
    assert "somebody" not in result.output


async def test_the_local_ones_want_the_bot_to_run(tmp_path: Path) -> None:
    config = config_for("http://127.0.0.1:1")
    speech = config.speech.model_copy(update={"socket": tmp_path / "nobody.sock"})
    trials = [
        each async for each in try_all(config.model_copy(update={"speech": speech}), [PERSONA])
    ]
    assert [(each.kind, each.name, bool(each.problem)) for each in trials] == [
        ("stt", "local", True), ("llm", "scripted", False),
        ("tts", "local", True), ("tts", "espeak", False),
    ]  # fmt: skip
    assert "python -m bot speech" in trials[0].problem
