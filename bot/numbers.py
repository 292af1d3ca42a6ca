"""Telephone numbers and the ways they are written."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

GROUPING = re.compile(r"[\s().\-/]+")
DIALLED = re.compile(r"\+?[0-9]{1,20}")
MOST = 40  # characters; longer is no number


def e164(number: str, region: str = "") -> str:
    """`number` in E.164 ("+4930123456"), as far as that can be told; else as it came.

    Without a region only a number that begins with + is brought into form: what "030" means
    depends on the country. With one ("DE"), national and international dialling are understood,
    and what is no valid number of that country, such as the extension 1000, stays what it is.
    """
    bare = GROUPING.sub("", number)
    if len(number) > MOST or not DIALLED.fullmatch(bare):
        return number
    if not region:
        return bare if bare.startswith("+") else number
    try:
        parsed = phonenumbers.parse(bare, region)
    except NumberParseException:
        return number
    if not phonenumbers.is_valid_number(parsed):
        return bare if bare.startswith("+") else number
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def spellings(number: str, region: str = "") -> frozenset[str]:
    """The number as it is written and in E.164: what a dialplan may know it by."""
    return frozenset((number, e164(number, region)))


def is_region(text: str) -> bool:
    """Is it a country of phonenumbers, as "DE"?"""
    return text in phonenumbers.SUPPORTED_REGIONS
