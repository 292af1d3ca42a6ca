"""Calls begun and dropped in every way leave nothing behind in the worker."""

from tests.bench import browser_leaks

WAYS = len(browser_leaks.WAYS)


def test_nothing_is_left_of_calls_dropped_in_every_way() -> None:
    left = browser_leaks.measure(2 * WAYS, warm_up=WAYS, settle_s=4.0)
    # memory needs more calls than these to be told from noise: `make bench-browser` has 200, and
    # tests/legs/test_webrtc_leaks.py looks at a leg's
    assert {name: left[name] for name in browser_leaks.COUNTED} == dict.fromkeys(
        browser_leaks.COUNTED, 0
    )
