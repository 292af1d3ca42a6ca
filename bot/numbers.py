"""Telephone numbers and the ways they are written."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat

GROUPING = re.compile(r"[\s().\-/]+")
DIALLED = re.compile(r"\+?[0-9]{1,20}")
MOST = 40  # characters; longer is no number
LEAST_BARE = 7  # digits; with fewer and no prefix it is an extension, valid or not


@lru_cache(1024)
def e164(number: str, region: str = "") -> str:
    """`number` in E.164 ("+4930123456"), as far as that can be told; else as it came.

    Without a region only a number that begins with + is brought into form: what "030" means
    depends on the country. With one ("DE"), national and international dialling are understood,
    and what is no valid number of that country, or has fewer than seven digits and no prefix,
    such as the extension 1000, stays what it is.
    """
    bare = GROUPING.sub("", number)
    if len(number) > MOST or not DIALLED.fullmatch(bare):
        return number
    if not region:
        return bare if bare.startswith("+") else number
    international, national, code = _prefixes(region)
    prefixes = tuple(each for each in ("+", international, national) if each)
    if len(bare) < LEAST_BARE and not bare.startswith(prefixes):
        return number
    # carriers leave out the +, so that reading of a bare number goes first
    whole = _public(f"+{bare}", region) if bare.startswith(code) else ""
    return whole or _public(bare, region) or (bare if bare.startswith("+") else number)


def _public(bare: str, region: str) -> str:
    """In E.164, "" when it is no valid number."""
    try:
        parsed = phonenumbers.parse(bare, region)
    except NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


@lru_cache(64)
def _prefixes(region: str) -> tuple[str, str, str]:
    """International prefix ("" where there is a choice of them), national one, country code."""
    about = PhoneMetadata.metadata_for_region(region)
    if about is None:
        return "", "", "+"
    international = about.preferred_international_prefix or about.international_prefix or ""
    fixed = international if international.isdecimal() else ""
    return fixed, about.national_prefix or "", str(about.country_code)


def beginnings(start: str, region: str = "") -> frozenset[str]:
    """The beginning of a number as it is written and in E.164: "030" in DE is "+4930", too.

    One without a prefix may be an extension's and stays as it is.
    """
    bare = GROUPING.sub("", start)
    if not DIALLED.fullmatch(bare):
        return frozenset((start,))
    international, national, code = _prefixes(region) if region else ("", "", "")
    if international and bare.startswith(international):
        bare = "+" + bare[len(international) :]
    elif national == "0" and bare.startswith("0"):
        bare = f"+{code}{bare[1:]}"
    return frozenset((start, bare))


def spellings(number: str, region: str = "") -> frozenset[str]:
    """The number as it is written and in E.164: what a dialplan may know it by."""
    return frozenset((number, e164(number, region)))


def one_spelling(pattern: str, region: str = "") -> str:
    """The same for all ways to write a number, or the beginning of one with * at its end."""
    if not pattern.endswith("*"):
        return e164(pattern, region)
    return max(beginnings(pattern[:-1], region), key=lambda start: start.startswith("+")) + "*"


def is_region(text: str) -> bool:
    """Is it a country of phonenumbers, as "DE"?"""
    return text in phonenumbers.SUPPORTED_REGIONS
