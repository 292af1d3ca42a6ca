"""Keys of clouds: where they come from, where they may not stand, and that nobody sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import check_config
from bot.errors import ConfigError
from bot.secrets import required, secret, without

KEY = "gsk_0123456789abcdef"


def test_a_key_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert secret("X_KEY", {}) == ""
    assert secret("X_KEY", {"X_KEY": f" {KEY} "}) == KEY
    assert secret("X_KEY", {"X_KEY_FILE": str(file)}) == KEY
    assert secret("X_KEY", {"X_KEY": "other", "X_KEY_FILE": str(file)}) == "other"


@pytest.mark.parametrize(
    ("content", "what"), [(None, "No such file"), (b"", "empty"), (b"\xff\xfe", "no key")]
)
def test_a_file_that_holds_no_key_is_told(content: bytes | None, what: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"X_KEY_FILE.*{what}"):
        secret("X_KEY", {"X_KEY_FILE": str(file)})


@pytest.mark.parametrize("wrong", [f"{KEY}\n{KEY}", f"{KEY}é", f"{KEY}\x00"])
def test_a_key_that_no_header_takes_is_told_without_showing_it(wrong: str) -> None:
    with pytest.raises(ConfigError, match="X_KEY: holds signs") as caught:
        secret("X_KEY", {"X_KEY": wrong})
    assert KEY not in str(caught.value)


def test_a_key_that_is_missing_is_told_with_both_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_KEY", raising=False)
    with pytest.raises(ConfigError, match="Export X_KEY or X_KEY_FILE"):
        required("X_KEY", "x")


def test_a_quoted_key_is_taken_out() -> None:
    assert without(f"wrong key {KEY}!", KEY) == "wrong key [key]!"
    assert without("no key", "") == "no key"


@pytest.mark.parametrize(
    "line",
    [
        f'[groq]\napi_key = "{KEY}"', f'[groq]\ngroq_api_key = "{KEY}"', f'[ai]\nllm = "{KEY}"',
        f'[sarvam]\napi-key = "{KEY}"', f'[openai_compat]\ntoken = "{KEY[4:]}"',
        f'[ai]\nstt = ["groq", "{KEY}"]', f'key = "{KEY}"', f'groq = "{KEY}"',
    ],
)  # fmt: skip
def test_a_key_in_the_file_is_refused_and_not_shown(line: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(line)
    _, faults = check_config(path, {})
    assert len(faults) == 1
    assert "holds a secret in clear. Remove it; export it as GROQ_API_KEY" in str(faults[0])
    assert KEY[4:] not in str(faults[0])


def test_a_key_as_an_override_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    _, (fault,) = check_config(path, {"BOT__GROQ__API_KEY": KEY})
    assert str(fault).startswith("environment: BOT__GROQ__API_KEY: holds a secret in clear.")
    assert KEY not in str(fault)
