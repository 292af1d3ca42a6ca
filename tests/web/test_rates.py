"""Counting requests: exact for one address, bounded for many."""

from __future__ import annotations

import gc
import time
import tracemalloc

import pytest

from bot.web.proxies import household
from bot.web.rates import Rate


def test_so_many_in_any_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    rate = Rate(3)
    assert [rate.retry_after_s("a") for _ in range(3)] == [None] * 3
    assert rate.retry_after_s("a") == 60
    assert rate.retry_after_s("b") is None
    now += 45
    assert rate.retry_after_s("a") == 15
    now += 15.5
    assert rate.retry_after_s("a") is None


def test_memory_stays_bounded_with_many_addresses() -> None:
    rate = Rate(300)
    tracemalloc.start()
    began = time.perf_counter()
    for n in range(50_000):
        rate.retry_after_s(f"2001:db8:{n:x}::/64")
    took_s = time.perf_counter() - began
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 3_000_000, f"{held} bytes"
    assert took_s < 20


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::1", "::/64"),
        (None, "None"), ("", "None"), ("fe80::1%eth0", "fe80::/64"),
    ],
)  # fmt: skip
def test_households(address: str | None, counted_as: str) -> None:
    assert household(address) == counted_as
