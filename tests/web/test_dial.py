"""Which address stands on the page."""

from __future__ import annotations

import pytest

from bot.web.dial import address


@pytest.mark.parametrize(
    ("bind", "seen_as", "dialled"),
    [
        ("0.0.0.0:5060", "bot.example", "bot.example"),
        ("0.0.0.0:5070", "192.0.2.7", "192.0.2.7:5070"),
        ("0.0.0.0:5060", None, "127.0.0.1"),
        ("[::]:5060", "2001:db8::7", "[2001:db8::7]"),
        ("[::1]:5061", "bot.example", "[::1]:5061"),
        ("127.0.0.1:5060", "bot.example", "127.0.0.1"),
        ("phone.example:5060", "bot.example", "phone.example"),
    ],
)
def test_address(bind: str, seen_as: str | None, dialled: str) -> None:
    assert address(bind, seen_as) == dialled
