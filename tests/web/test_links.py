"""Call links: what a token grants, who can mint it, and where the secret comes from."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jwt
import pytest

from bot.config import Config, Store
from bot.errors import ConfigError
from bot.web.links import ANY, LEEWAY_S, Grant, LinkRefused, Links, link_secret

KEY = "k" * 40
LINKS = Links(KEY)
NUMBERS = {"1000": "clinic", "1001": "clinic", "1002": "expert"}


@pytest.fixture(autouse=True)
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEB_LINK_SECRET", "WEB_LINK_SECRET_FILE"):
        monkeypatch.delenv(name, raising=False)


def config(folder: Path) -> Config:
    return Config(store=Store(path=folder / "var" / "bot.db"))


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    mine = {"sub": "1000", "scope": "call", "aud": "voice-bot", "iat": now, "exp": now + 3600}
    return {name: value for name, value in (mine | other).items() if value is not None}


def minted(key: str = KEY, algorithm: str = "HS256", **other: Any) -> str:
    return jwt.encode(claims(**other), key, algorithm)


def why(token: str) -> str:
    with pytest.raises(LinkRefused) as caught:
        LINKS.read(token)
    assert not token or token not in str(caught.value)
    return caught.value.why


def test_what_is_made_is_read() -> None:
    grant = LINKS.read(LINKS.make("1000", valid_s=3600))
    assert (grant.scopes, grant.subject) == ({"call"}, "1000")
    assert grant.expires_at == pytest.approx(time.time() + 3600, abs=2)
    assert LINKS.read(LINKS.make(valid_s=60, scope="status")).scopes == {"status"}


def test_a_token_of_another_site_is_read() -> None:
    assert LINKS.read(minted(sub="clinic", more="claims", jti="1")).subject == "clinic"
    assert LINKS.read(minted(aud=["shop", "voice-bot"])).subject == "1000"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (minted(exp=int(time.time() - LEEWAY_S - 5)), "expired"),
        (minted(key="x" * 40), "forged"),
        (minted(algorithm="HS512", key="k" * 80), "forged"),
        (minted()[:-3], "forged"),
        (jwt.encode(claims(), None, "none"), "forged"),
        ("", "forged"), ("a.b.c", "forged"), ("…", "forged"), ("x" * 5000, "forged"),
        (minted(exp=float("inf")), "forged"),
        (minted(aud="shop"), "other"), (minted(aud=None), "other"),
        (minted(scope=None), "other"), (minted(scope="admin"), "other"),
        (minted(scope=["call"]), "other"), (minted(sub=None), "other"), (minted(sub=""), "other"),
        (minted(sub=1000), "other"), (minted(exp=None), "other"), (minted(iat=None), "other"),
        (minted(iat=int(time.time()) + 3600), "other"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(token: str, expected: str) -> None:
    assert why(token) == expected


def test_a_token_that_expired_within_the_leeway_of_two_clocks_is_read() -> None:
    assert LINKS.read(minted(exp=int(time.time() - 5))).subject == "1000"


@pytest.mark.parametrize(
    ("subject", "number", "persona", "allowed"),
    [
        ("1000", "1000", "", True), ("1000", "1001", "", False), ("1000", "", "", False),
        ("1000", "", "clinic", False), ("1000", "1000", "expert", False),
        ("clinic", "1001", "", True), ("clinic", "1002", "", False), ("clinic", "", "clinic", True),
        ("clinic", "", "expert", False), ("clinic", "1000", "expert", False),
        ("clinic", "", "", True), ("nobody", "77", "", False),
        (ANY, "1002", "", True), (ANY, "", "expert", True), (ANY, "", "", True),
    ],
)  # fmt: skip
def test_a_grant_is_for_its_number_or_persona(
    subject: str, number: str, persona: str, allowed: bool
) -> None:
    by_number = {**NUMBERS, "": "clinic"}.get  # the default number reaches the clinic
    grant = Grant(frozenset({"call"}), subject)
    assert grant.allows(number=number, persona=persona, personas_by_number=by_number) is allowed
    status = Grant(frozenset({"status"}), subject)
    assert not status.allows(number=number, persona=persona, personas_by_number=by_number)


def test_the_secret_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    made = link_secret(config(tmp_path))
    file = tmp_path / "var" / "web-link.key"
    assert len(made) >= 32 and file.read_text() == f"{made}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert link_secret(config(tmp_path)) == made
    assert [each.name for each in file.parent.iterdir()] == ["web-link.key"]


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8, get_context("fork")) as processes:
        made = list(processes.map(link_secret, [config(tmp_path)] * 64))
    assert len(set(made)) == 1
    assert len(list((tmp_path / "var").iterdir())) == 1


def test_a_secret_of_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_LINK_SECRET", KEY)
    assert link_secret(config(tmp_path)) == KEY
    monkeypatch.delenv("WEB_LINK_SECRET")
    (tmp_path / "secret").write_text(f"{KEY}2\n")
    monkeypatch.setenv("WEB_LINK_SECRET_FILE", str(tmp_path / "secret"))
    assert link_secret(config(tmp_path)) == f"{KEY}2"
    assert not (tmp_path / "var").exists()


def test_a_short_secret_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_LINK_SECRET", "s3cret" * 5)
    with pytest.raises(ConfigError, match="environment: WEB_LINK_SECRET: is shorter than 32 bytes"):
        link_secret(config(tmp_path))
    monkeypatch.delenv("WEB_LINK_SECRET")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "web-link.key").write_text("s3cret")
    with pytest.raises(ConfigError, match=r"web-link\.key: is shorter.* Delete it") as caught:
        link_secret(config(tmp_path))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("trouble", ["folder", "bytes", "parent"])
def test_a_key_file_that_cannot_be_used_is_told(tmp_path: Path, trouble: str) -> None:
    if trouble == "parent":
        (tmp_path / "var").write_text("a file where the folder should be")
    else:
        (tmp_path / "var").mkdir()
        file = tmp_path / "var" / "web-link.key"
        file.mkdir() if trouble == "folder" else file.write_bytes(b"\xff" * 64)
    with pytest.raises(ConfigError, match=r"web-link\.key: cannot be read or made .* own it"):
        link_secret(config(tmp_path))
