"""The door of a worker as it is started: links made by the command line, https and its renewal."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.support.certificates import certificate
from tests.support.web_process import ROOT, web_worker


def link(folder: Path, *arguments: str) -> str:
    """What `python -m bot link` prints there."""
    command = [sys.executable, "-m", "bot", "link", "-c", str(folder / "config.toml"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    ).stdout.strip()


@pytest.fixture(autouse=True)
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEB_LINK_SECRET", raising=False)
    monkeypatch.delenv("WEB_LINK_SECRET_FILE", raising=False)


def test_a_link_of_the_command_line_opens_the_bot_and_stands_in_no_log(tmp_path: Path) -> None:
    with web_worker(tmp_path, access="link") as bot:
        assert requests.get(bot.url, timeout=5).status_code == 401
        calls, status = link(tmp_path, "7712345"), link(tmp_path, "--status")
        with requests.Session() as browser:
            assert browser.get(calls, timeout=5).status_code == 200
            assert browser.get(f"{bot.url}/api/numbers", timeout=5).status_code == 200  # by cookie
            assert browser.get(f"{bot.url}/status", timeout=5).status_code == 401
            assert browser.get(status, timeout=5).status_code == 200
        token = calls.partition("token=")[2]
        bearer = {"Authorization": f"Bearer {token}"}
        for wanted, code in (({"number": "7712345"}, 201), ({"number": "78"}, 403), ({}, 403)):
            begun = requests.post(f"{bot.url}/api/calls", json=wanted, headers=bearer, timeout=5)
            assert begun.status_code == code, wanted
    told = bot.log.read_text()
    assert token not in told and "7712345" not in told


def test_a_worker_serves_https_and_takes_a_renewed_certificate_over(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "live")
    with web_worker(tmp_path, tls_cert=cert, tls_key=key) as bot:
        old = shutil.copy(cert, tmp_path / "old.pem")
        answer = requests.get(bot.url, verify=old, timeout=5)
        assert answer.status_code == 200 and "Strict-Transport-Security" in answer.headers
        certificate(tmp_path, "live")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(bot.url, verify=cert, timeout=5)
        bot.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while not serves(bot.url, cert):
            assert time.monotonic() < deadline, bot.log.read_text()
        Path(key).write_text("broken")
        bot.process.send_signal(signal.SIGHUP)
        while "web.tls_key" not in bot.log.read_text():
            assert time.monotonic() < deadline + 5, "nothing was told of the broken key"
        assert serves(bot.url, cert) and bot.lives


def serves(url: str, cert: str) -> bool:
    try:
        return requests.get(url, verify=cert, timeout=5).status_code == 200
    except requests.exceptions.SSLError:
        return False
