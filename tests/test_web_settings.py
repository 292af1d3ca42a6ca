"""[web]: addresses of proxies and other sites are looked at when the file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import check_config


def web(folder: Path, line: str) -> tuple[object, list[str]]:
    path = folder / "config.toml"
    path.write_text(f"[web]\n{line}\n")
    config, faults = check_config(path, {})
    assert config is not None
    return config.web, [str(fault).removeprefix(f"{path}: ") for fault in faults]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"]',
         ["127.0.0.1/32", "10.0.0.0/8", "::1/128", "fd00::/8"]),
        ('origins = ["https://www.example.com", "HTTP://Shop.Example:8080/", "https://[::1]:8443"]',
         ["https://www.example.com", "http://shop.example:8080", "https://[::1]:8443"]),
        ('origins = ["https://www.example.com:443", "http://a.example:80"]',
         ["https://www.example.com", "http://a.example"]),
    ],
)  # fmt: skip
def test_they_are_kept_as_they_are_compared(tmp_path: Path, line: str, expected: list[str]) -> None:
    found, faults = web(tmp_path, line)
    assert faults == []
    assert getattr(found, line.partition(" ")[0]) == expected


@pytest.mark.parametrize(
    "value", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*", "", "10.0.0.1:80"]
)
def test_no_proxies(tmp_path: Path, value: str) -> None:
    _, (fault,) = web(tmp_path, f'trusted_proxies = ["127.0.0.1", "{value}"]')
    assert fault.startswith(f"web.trusted_proxies[2]: is {value!r}. It must be an address or a")
    assert '"10.0.0.0/8"' in fault


@pytest.mark.parametrize(
    "value",
    ["*", "null", "www.example.com", "https://*.example.com", "https://www.example.com/page",
     "ftp://www.example.com", "https://", "https://a b", "wss://www.example.com"],
)  # fmt: skip
def test_no_origins(tmp_path: Path, value: str) -> None:
    _, (fault,) = web(tmp_path, f'origins = ["{value}"]')
    assert fault.startswith(f"web.origins[1]: is {value!r}. It must be a site without a path")
