"""Who was dialled and who calls, from the headers a carrier puts them in.

Which headers are looked at, and in which order, is the configuration's: a Request-URI may hold
nothing but the account's own name, and a From what the caller's telephone likes to be called.
Written for hostile input: nothing in here raises, whatever a caller sends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.legs.sip_message import MOST_NAME, WITHHELD, display_name, user_of

OWN_USER = "bot"  # user of our Contact: a carrier that calls it has dialled no number
ANONYMOUS_HOST = re.compile(r"@anonymous\.invalid\b", re.IGNORECASE)  # RFC 3323, section 4.1
NOBODY = frozenset({"anonymous", "restricted"})  # a From of such a user asks for privacy, too
PRIVATE = frozenset({"id", "user", "header", "session", "full", "yes", "uri"})
# What is never closed ends with the text: looking for the end again from every quote in it would
# cost half a second for 4 kB.
_OUTSIDE_QUOTES = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|<[^>]*+(?:>|\Z)', re.DOTALL)
_NUMBER = re.compile(r"\+?[0-9().-]+")
_PARAMETER = re.compile(r";\s*privacy\s*=\s*\"?([a-z-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialled:
    """The number that was dialled."""

    number: str  # "" when no header has one
    header: str  # where it was found, "" when nowhere


@dataclass(frozen=True, slots=True)
class Calling:
    """Who calls."""

    number: str  # "" when withheld
    name: str  # as their telephone or carrier tells it, "" when withheld
    header: str  # where they were found


def dialled(
    headers: Mapping[str, str], order: Sequence[str], own: Collection[str] = (OWN_USER,)
) -> Dialled:
    """The user of the first header of `order` that has one.

    `order`: lower-case names, "request-uri" among them. Of Diversion (RFC 5806) the last entry
    counts, which was dialled first; of History-Info (RFC 7044) the first, for the same reason.
    Of the others there is one value (P-Called-Party-ID: RFC 7315). `own`: names of our accounts,
    which a Request-URI may have in place of a number; others are looked at first then.
    """
    for header in order:
        values = values_of(headers.get(header, ""))
        if not values:
            continue
        user = user_of(values[-1 if header == "diversion" else 0])
        if user and not (header == "request-uri" and user in own and len(order) > 1):
            return Dialled(user, header)
    return Dialled("", "")


def calling(headers: Mapping[str, str], order: Sequence[str]) -> Calling:
    """The caller of the first header of `order` that tells one.

    P-Asserted-Identity (RFC 3325) may have a SIP and a tel URI, of which the number is taken.
    A caller who asked for privacy (RFC 3323), by a header or by a From that names nobody, is
    withheld, though another header tells who it is.
    """
    for header in order:
        values = values_of(headers.get(header, ""))
        if not values or not user_of(values[0]):
            continue
        numbers = (each for each in values if _NUMBER.fullmatch(user_of(each)))
        value = next(numbers, values[0])
        if _withheld(headers, value):
            return Calling("", "", header)
        user = user_of(value)
        return Calling(user, _name(value, user) or _name(values[0], user), header)
    return Calling("", "", "")


def values_of(header: str) -> list[str]:
    """The values of a header that may have several: split at commas outside quotes and < >."""
    kept = _OUTSIDE_QUOTES.sub(lambda found: found[0].replace(",", "\0"), header)
    return [part.replace("\0", ",").strip() for part in kept.split(",") if part.strip()]


def _withheld(headers: Mapping[str, str], address: str) -> bool:
    asked = {part.strip().lower() for part in re.split("[;,]", headers.get("privacy", ""))}
    shown = headers.get("from", "")
    if asked & PRIVATE or ANONYMOUS_HOST.search(shown) or user_of(shown).lower() in NOBODY:
        return True
    parameter = _PARAMETER.search(_OUTSIDE_QUOTES.sub("", address))  # of Remote-Party-ID
    if parameter is not None and parameter[1].lower() in PRIVATE:
        return True
    return user_of(address).lower() in WITHHELD


def _name(address: str, user: str) -> str:
    name = display_name(address)
    return "" if name.lower() in WITHHELD or name == user else name[:MOST_NAME]


def how_found(who: Dialled, whom: Calling, called: str) -> str:
    """What is worth telling about it: "dialled 030555 in diversion; caller in remote-party-id".

    `called`: the number as the bot knows it. Empty where all is as usual.
    """
    told = []
    if called != who.number or who.header not in ("request-uri", ""):
        told.append(f"dialled {who.number} in {who.header or 'no header'}")
    if whom.header not in ("from", ""):
        told.append(f"caller in {whom.header}")
    return "; ".join(told)
