"""`link` and what `check` tells of the browser's door."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.config import check_config, load_config
from bot.web.links import ANY, Links, links_of
from tests.support.certificates import certificate

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def admin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped files in a folder of their own."""
    for name in [each for each in os.environ if each.startswith(("BOT__", "WEB_LINK_"))]:
        monkeypatch.delenv(name)
    for name in ("personas", "dialplans"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "config.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def configure(admin: Path, *lines: str) -> None:
    (admin / "config.toml").write_text("\n".join(("[web]", *lines)))


@pytest.mark.parametrize(
    ("arguments", "start", "scope", "subject", "valid_s"),
    [
        (["1000"], "http://127.0.0.1:8080/?number=1000&token=", "call", "1000", 3600),
        (["--persona", "domain-expert", "--valid", "7d"],
         "http://127.0.0.1:8080/?persona=domain-expert&token=", "call", "domain-expert", 604800),
        (["--status", "--valid", "90s"], "http://127.0.0.1:8080/status?token=", "status", ANY, 90),
        (["--valid", "30m"], "http://127.0.0.1:8080/?token=", "call", ANY, 1800),
        (["1000", "--base", "https://bot.example.com/"],
         "https://bot.example.com/?number=1000&token=", "call", "1000", 3600),
    ],
)  # fmt: skip
def test_a_link_is_one_line_that_opens(
    admin: Path, arguments: list[str], start: str, scope: str, subject: str, valid_s: float
) -> None:
    result = run("link", *arguments)
    assert result.exit_code == 0, result.stderr
    (line,) = result.stdout.splitlines()
    assert line.startswith(start)
    (token,) = parse_qs(urlsplit(line).query)["token"]
    grant = links_of(load_config(admin / "config.toml")).read(token)
    assert (grant.scopes, grant.subject) == ({scope}, subject)
    assert grant.expires_at == pytest.approx(time.time() + valid_s, abs=5)
    assert ("nobody needs a link" in result.stderr) == (scope == "call")


@pytest.mark.parametrize(
    ("lines", "start", "note"),
    [
        (['bind = "192.0.2.7:80"'], "http://192.0.2.7/?", ""),
        (['bind = "[2001:db8::7]:8443"', 'tls_cert = "a"', 'tls_key = "b"'],
         "https://[2001:db8::7]:8443/?", ""),
        (['bind = "127.0.0.1:443"', 'access = "link"', 'tls_cert = "a"', 'tls_key = "b"'],
         "https://127.0.0.1/?", ""),
        (['bind = "0.0.0.0:8080"'], "http://here.example:8080/?", "--base URL says it better"),
        (['trusted_proxies = ["127.0.0.1"]'], "http://127.0.0.1:8080/?", "behind a proxy, give"),
    ],
)  # fmt: skip
def test_scheme_and_host_are_those_of_the_configuration(
    admin: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], start: str, note: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "here.example")
    configure(admin, *lines)
    result = run("link")
    assert result.exit_code == 0
    assert result.stdout.startswith(start)
    assert note in result.stderr and (note or not result.stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--persona", "domain-exprt"], 'no persona domain-exprt. Did you mean "domain-expert"?'),
        (["--persona", "xyz"], "There is: domain-expert, helpful-assistant"),
        (["1000", "--status"], "Give a NUMBER, or --persona, or --status."),
        (["1000", "--valid", "soon"], "'soon' is no time such as 30m, 1h or 7d."),
        (["1000", "--valid", "0h"], "is no time"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(
    admin: Path, arguments: list[str], told: str
) -> None:
    result = run("link", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr and not result.stdout


def test_a_number_that_nobody_answers(admin: Path) -> None:
    plan = admin / "dialplans" / "default.toml"
    plan.write_text('[[routes]]\nnumber = "1000"\npersona = "domain-expert"\n')
    result = run("link", "100")
    assert result.exit_code == 2
    assert 'Nobody answers 100. Did you mean "1000"?' in result.stderr


# ---- check


def test_check_has_nothing_to_say_of_a_bot_for_this_machine(admin: Path) -> None:
    result = run("check")
    assert result.exit_code == 0, result.stderr
    assert "Note:" not in result.stdout
    assert not (admin / "var").exists()  # `check` makes nothing


@pytest.mark.parametrize(
    ("lines", "noted"),
    [
        (['bind = "0.0.0.0:8080"'], ["WEB_LINK_SECRET is not set", "without https: browsers"]),
        (['bind = "0.0.0.0:8080"', 'access = "open"'],
         ['web.access is "open" on 0.0.0.0:8080', "without https: browsers"]),
        (['access = "open"', 'trusted_proxies = ["127.0.0.1"]'],
         ['web.access is "open" behind a proxy']),
        (['trusted_proxies = ["127.0.0.1"]'], ["WEB_LINK_SECRET is not set"]),
        (['access = "link"'], ["WEB_LINK_SECRET is not set"]),
        (['access = "open"'], []),
    ],
)  # fmt: skip
def test_check_notes_what_may_not_be_meant(admin: Path, lines: list[str], noted: list[str]) -> None:
    configure(admin, *lines)
    result = run("check")
    assert result.exit_code == 0, result.stderr
    notes = [line for line in result.stdout.splitlines() if line.startswith("Note:")]
    assert len(notes) == len(noted)
    for words in noted:
        assert [line for line in notes if words in line], words


def test_check_is_content_with_a_secret_and_a_certificate(
    admin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(admin)
    configure(admin, 'bind = "0.0.0.0:8443"', f'tls_cert = "{cert}"', f'tls_key = "{key}"')
    monkeypatch.setenv("WEB_LINK_SECRET", "k" * 40)
    result = run("check")
    assert result.exit_code == 0 and "Note:" not in result.stdout
    certificate(admin, days=3.5)
    assert "web.tls_cert expires in 3 days." in run("check").stdout


def test_check_tells_what_would_not_start(admin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(admin, days=-1)
    configure(admin, f'tls_cert = "{cert}"', f'tls_key = "{key}"')
    result = run("check")
    assert result.exit_code == 2
    assert "config.toml: web.tls_cert: is" in result.stderr and "has expired" in result.stderr
    configure(admin, f'tls_cert = "{cert}"')
    assert "config.toml: web.tls_key: is empty" in run("check").stderr
    configure(admin)
    monkeypatch.setenv("WEB_LINK_SECRET", "too short")
    result = run("check")
    assert result.exit_code == 2
    assert "environment: WEB_LINK_SECRET: is shorter than 32 bytes" in result.stderr


# ---- docs/access.md

PAGE = (ROOT / "docs" / "access.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", PAGE, re.S)


def test_the_page_mints_links_that_open(admin: Path) -> None:
    (program,) = blocks("python")
    key = "k" * 40
    result = subprocess.run(
        [sys.executable, "-c", program], env={"WEB_LINK_SECRET": key}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    asked = parse_qs(urlsplit(result.stdout.strip()).query)
    grant = Links(key).read(asked["token"][0])
    assert (grant.scopes, grant.subject) == ({"call"}, "1000") and asked["number"] == ["1000"]


def test_the_configurations_of_the_page_are_sound(admin: Path) -> None:
    assert len(blocks("toml")) == 3
    for text in blocks("toml"):
        (admin / "config.toml").write_text(text)
        assert check_config(admin / "config.toml", {})[1] == []


def test_the_commands_of_the_page_work(admin: Path) -> None:
    commands = [line for line in blocks("sh")[0].splitlines() if line]
    assert len(commands) == 4
    for line in commands:
        words = line.partition("#")[0].split()
        assert words[:3] == ["python", "-m", "bot"]
        assert run(*words[3:]).exit_code == 0, line
