"""Numbers as they are written, and the one way to compare them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.numbers import beginnings, e164, is_region, spellings


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("+49 (30) 1234-5678", "", "+493012345678"),
        ("030 12345678", "", "030 12345678"),
        ("030 12345678", "DE", "+493012345678"),
        ("004930/12345678", "DE", "+493012345678"),
        ("+493012345678", "US", "+493012345678"),
        ("2125550123", "US", "+12125550123"),
        ("0112125550123", "US", "0112125550123"),
        ("011493012345678", "US", "+493012345678"),
        ("4930123456", "DE", "+4930123456"),
        ("491715551234", "DE", "+491715551234"),  # and no number of the area 04917
        ("3055512345", "DE", "+493055512345"),
        ("030 555", "DE", "+4930555"),
        ("30555", "DE", "30555"),  # an extension, though valid with its prefix
        ("1000", "DE", "1000"),
        ("110", "DE", "110"),
        ("+49999", "DE", "+49999"),
        ("alice", "DE", "alice"),
        ("*98", "DE", "*98"),
        ("", "DE", ""),
    ],
)
def test_a_number_in_e164(number: str, region: str, expected: str) -> None:
    assert e164(number, region) == expected


@pytest.mark.parametrize(
    ("start", "region", "expected"),
    [
        ("030", "DE", "+4930"),
        ("0", "DE", "+49"),
        ("0049 30", "DE", "+4930"),
        ("+49 30", "DE", "+4930"),
        ("10", "DE", "10"),
        ("01144", "US", "+44"),
        ("1", "US", "1"),
        ("030", "", "030"),
        ("", "DE", ""),
        ("alice", "DE", "alice"),
    ],
)
def test_the_beginning_of_a_number(start: str, region: str, expected: str) -> None:
    assert beginnings(start, region) == {start, expected}


@given(st.text(max_size=60), st.sampled_from(["", "DE", "US", "GB"]))
def test_it_never_raises_and_stays_as_it_is_the_second_time(number: str, region: str) -> None:
    once = e164(number, region)
    assert e164(once, region) == once
    assert spellings(number, region) == {number, once}
    assert number in beginnings(number, region)


def test_regions() -> None:
    assert is_region("DE") and not is_region("de") and not is_region("XX")
